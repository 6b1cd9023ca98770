//! `contracts/src/chain/StateCommitmentChain.sol` (L1).

alloy::sol! {
    #[derive(Debug, PartialEq, Eq)]
    #[sol(rpc)]
    StateCommitmentChain,
    "abi/StateCommitmentChain.json"
}
