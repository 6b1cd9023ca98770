//! `contracts/src/l2/L1Info.sol` (L2 predeploy).

alloy::sol! {
    #[derive(Debug, PartialEq, Eq)]
    #[sol(rpc)]
    L1Info,
    "abi/L1Info.json"
}
