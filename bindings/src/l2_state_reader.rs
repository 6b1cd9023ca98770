//! `contracts/src/gateway/L2StateReader.sol` (L1).

alloy::sol! {
    #[derive(Debug, PartialEq, Eq)]
    #[sol(rpc)]
    L2StateReader,
    "abi/L2StateReader.json"
}
