//! `contracts/src/gateway/L1TokenGateway.sol` (L1).

alloy::sol! {
    #[derive(Debug, PartialEq, Eq)]
    #[sol(rpc)]
    L1TokenGateway,
    "abi/L1TokenGateway.json"
}
