//! `contracts/src/gateway/BridgedNFT.sol` (either chain).

alloy::sol! {
    #[derive(Debug, PartialEq, Eq)]
    #[sol(rpc)]
    BridgedNFT,
    "abi/BridgedNFT.json"
}
