//! `contracts/src/l2/Create2Factory.sol` (L2 predeploy).

alloy::sol! {
    #[derive(Debug, PartialEq, Eq)]
    #[sol(rpc)]
    Create2Factory,
    "abi/Create2Factory.json"
}
