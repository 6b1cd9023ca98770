//! `MachineStep.sol`, executed by revm.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use postern_machine::WitnessError;
use revm::{
    Context, ExecuteEvm, MainBuilder, MainContext,
    context::{CfgEnv, TxEnv},
    database::{CacheDB, EmptyDB},
    handler::{MainnetContext, MainnetEvm},
    primitives::{TxKind, hardfork::SpecId},
    state::{AccountInfo, Bytecode},
};

/// The contract, deployed in an otherwise empty chain.
pub struct Contract(MainnetEvm<MainnetContext<CacheDB<EmptyDB>>>);

impl Default for Contract {
    fn default() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bindings/abi/MachineStep.json");
        let artifact: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let code: Bytes = artifact["deployedBytecode"].as_str().unwrap().parse().unwrap();
        let mut database = CacheDB::new(EmptyDB::default());
        let account = AccountInfo::default().with_code(Bytecode::new_raw(code));
        database.insert_account_info(Self::ADDRESS, account);
        let rules = CfgEnv::new_with_spec(SpecId::OSAKA);
        Self(Context::mainnet().with_db(database).with_cfg(rules).build_mainnet())
    }
}

impl Contract {
    const ADDRESS: Address = Address::repeat_byte(0x57);

    /// What `step` returns, or the data with which it reverts.
    pub fn step(&mut self, state_hash: B256, witness: &[u8]) -> Result<B256, Bytes> {
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

/// What the contract reverts with for this error.
pub fn revert_data(error: &WitnessError) -> Bytes {
    let number = |number: u64| B256::from(U256::from(number));
    let (signature, arguments) = match *error {
        WitnessError::WrongLength { received, expected } => {
            ("WrongLength(uint256,uint256)", vec![number(received as u64), number(expected as u64)])
        }
        WitnessError::WrongMask { received, allowed } => {
            ("WrongMask(uint64,uint64)", vec![number(received), number(allowed)])
        }
        WitnessError::WrongState { received, expected } => ("WrongState(bytes32,bytes32)", vec![received, expected]),
        WitnessError::WrongPreimage { received, expected } => {
            ("WrongPreimage(bytes32,bytes32)", vec![received, expected])
        }
        WitnessError::WrongBlobProof { versioned_hash, index } => {
            ("WrongBlobProof(bytes32,uint64)", vec![versioned_hash, number(index)])
        }
        WitnessError::PrecompileFailed(precompile) => ("PrecompileFailed(address)", vec![number(precompile)]),
    };
    [&keccak256(signature)[..4], &arguments.concat()].concat().into()
}
