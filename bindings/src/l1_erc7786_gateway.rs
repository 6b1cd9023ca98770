//! `contracts/src/gateway/L1ERC7786Gateway.sol` (L1).

alloy::sol! {
    #[derive(Debug, PartialEq, Eq)]
    #[sol(rpc)]
    L1ERC7786Gateway,
    "abi/L1ERC7786Gateway.json"
}
