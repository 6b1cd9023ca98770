//! `contracts/src/gateway/L2NFTGateway.sol` (L2).

alloy::sol! {
    #[derive(Debug, PartialEq, Eq)]
    #[sol(rpc)]
    L2NFTGateway,
    "abi/L2NFTGateway.json"
}
