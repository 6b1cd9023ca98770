//! `contracts/src/gateway/L2ERC7786Gateway.sol` (L2).

alloy::sol! {
    #[derive(Debug, PartialEq, Eq)]
    #[sol(rpc)]
    L2ERC7786Gateway,
    "abi/L2ERC7786Gateway.json"
}
