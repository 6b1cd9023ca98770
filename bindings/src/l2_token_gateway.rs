//! `contracts/src/gateway/L2TokenGateway.sol` (L2).

alloy::sol! {
    #[derive(Debug, PartialEq, Eq)]
    #[sol(rpc)]
    L2TokenGateway,
    "abi/L2TokenGateway.json"
}
