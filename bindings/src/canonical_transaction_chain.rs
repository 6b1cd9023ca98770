//! `contracts/src/chain/CanonicalTransactionChain.sol` (L1).

alloy::sol! {
    #[derive(Debug, PartialEq, Eq)]
    #[sol(rpc)]
    CanonicalTransactionChain,
    "abi/CanonicalTransactionChain.json"
}
