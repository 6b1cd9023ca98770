//! `MachineStep.sol`, executed by revm.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use revm::{
    Context, ExecuteEvm, MainBuilder, MainContext,
    context::{CfgEnv, TxEnv},
    database::{CacheDB, EmptyDB},
    handler::{MainnetContext, MainnetEvm},
    primitives::{TxKind, hardfork::SpecId},
    state::{AccountInfo, Bytecode},
};

/// The contract, deployed in an otherwise empty chain.
pub(crate) struct Contract(MainnetEvm<MainnetContext<CacheDB<EmptyDB>>>);

impl Contract {
    const ADDRESS: Address = Address::repeat_byte(0x57);

    pub(crate) fn new() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bindings/abi/MachineStep.json");
        let artifact: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let code: Bytes = artifact["deployedBytecode"].as_str().unwrap().parse().unwrap();
        let mut database = CacheDB::new(EmptyDB::default());
        let account = AccountInfo::default().with_code(Bytecode::new_raw(code));
        database.insert_account_info(Self::ADDRESS, account);
        let rules = CfgEnv::new_with_spec(SpecId::OSAKA);
        Self(Context::mainnet().with_db(database).with_cfg(rules).build_mainnet())
    }

    /// What `step` returns, or the data with which it reverts.
    pub(crate) fn step(&mut self, state_hash: B256, witness: &[u8]) -> Result<B256, Bytes> {
        let mut data = keccak256("step(bytes32,bytes)")[..4].to_vec();
        data.extend(state_hash);
        data.extend(U256::from(64).to_be_bytes::<32>());
        data.extend(U256::from(witness.len()).to_be_bytes::<32>());
        data.extend_from_slice(witness);
        data.resize(data.len().next_multiple_of(32) + 4, 0);
        let transaction =
            TxEnv { kind: TxKind::Call(Self::ADDRESS), data: data.into(), gas_limit: 10_000_000, ..TxEnv::default() };
        // Nothing is committed: each transaction is the first of its sender.
        let result = self.0.transact(transaction).unwrap().result;
        let output = result.output().cloned().unwrap_or_default();
        if result.is_success() { Ok(B256::from_slice(&output)) } else { Err(output) }
    }
}
