//! `contracts/src/dispute/MachineStep.sol`.

alloy::sol! {
    #[derive(Debug, PartialEq, Eq)]
    #[sol(rpc)]
    MachineStep,
    "abi/MachineStep.json"
}
