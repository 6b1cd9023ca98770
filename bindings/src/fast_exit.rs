//! `contracts/src/gateway/FastExit.sol` (L1).

alloy::sol! {
    #[derive(Debug, PartialEq, Eq)]
    #[sol(rpc)]
    FastExit,
    "abi/FastExit.json"
}
