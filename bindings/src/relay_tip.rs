//! `contracts/src/gateway/RelayTip.sol` (L1).

alloy::sol! {
    #[derive(Debug, PartialEq, Eq)]
    #[sol(rpc)]
    RelayTip,
    "abi/RelayTip.json"
}
