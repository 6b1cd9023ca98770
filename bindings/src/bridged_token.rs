//! `contracts/src/gateway/BridgedToken.sol` (either chain).

alloy::sol! {
    #[derive(Debug, PartialEq, Eq)]
    #[sol(rpc)]
    BridgedToken,
    "abi/BridgedToken.json"
}
