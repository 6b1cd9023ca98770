//! `contracts/src/gateway/L1NFTGateway.sol` (L1).

alloy::sol! {
    #[derive(Debug, PartialEq, Eq)]
    #[sol(rpc)]
    L1NFTGateway,
    "abi/L1NFTGateway.json"
}
