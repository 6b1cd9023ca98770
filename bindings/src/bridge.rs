//! `contracts/src/bridge/Bridge.sol` (L1).

alloy::sol! {
    #[derive(Debug, PartialEq, Eq)]
    #[sol(rpc)]
    Bridge,
    "abi/Bridge.json"
}
