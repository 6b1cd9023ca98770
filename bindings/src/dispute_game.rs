//! `contracts/src/dispute/DisputeGame.sol` (L1).

alloy::sol! {
    #[derive(Debug, PartialEq, Eq)]
    #[sol(rpc)]
    DisputeGame,
    "abi/DisputeGame.json"
}
