//! `contracts/src/l2/Outbox.sol` (L2 predeploy).

alloy::sol! {
    #[derive(Debug, PartialEq, Eq)]
    #[sol(rpc)]
    Outbox,
    "abi/Outbox.json"
}
