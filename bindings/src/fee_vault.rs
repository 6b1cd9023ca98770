//! `contracts/src/l2/FeeVault.sol` (L2 predeploy).

alloy::sol! {
    #[derive(Debug, PartialEq, Eq)]
    #[sol(rpc)]
    FeeVault,
    "abi/FeeVault.json"
}
