//! The contract that decides about a step, asked what it says.

use alloy::{
    contract,
    primitives::{Address, B256, address},
    providers::DynProvider,
    rpc::types::state::{StateOverride, StateOverridesBuilder},
};
use postern_bindings::MachineStep::{self, MachineStepErrors, MachineStepInstance};
use thiserror::Error;

use super::Step;
use crate::l1::{self, ConnectError};

/// Where the contract is put for the time of a call, if it is not deployed: no precompile is there.
const PUT_AT: Address = address!("0x5757575757575757575757575757575757575757");

/// Why a step was not confirmed.
#[derive(Debug, Error)]
pub enum ContractError {
    /// The node cannot be asked.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The call failed otherwise than by an error of the contract.
    #[error("cannot ask MachineStep: {0}")]
    Call(contract::Error),
    /// The contract says that the witness is bad.
    #[error("MachineStep reverts: {0:?}")]
    Reverted(MachineStepErrors),
    /// The contract comes to another state.
    #[error("by MachineStep the next state hash is {received}, expected {expected}")]
    NextState {
        /// By the contract.
        received: B256,
        /// By the machine.
        expected: B256,
    },
}

/// `MachineStep` behind the JSON-RPC of a node of Ethereum.
#[derive(Clone, Debug)]
pub struct StepContract {
    contract: MachineStepInstance<DynProvider>,
    overrides: Option<StateOverride>,
}

impl StepContract {
    /// The contract at `address`, or one that is there only while it is called.
    ///
    /// # Errors
    /// If the URL is none, nobody answers there, or there is no contract at the address.
    pub async fn connect(url: &str, address: Option<Address>) -> Result<Self, ContractError> {
        let (provider, _) = l1::reach(url).await?;
        let overrides = match address {
            Some(address) => {
                l1::check_code(url, &provider, "MachineStep", address).await?;
                None
            }
            None => {
                let code = MachineStep::DEPLOYED_BYTECODE.clone();
                Some(StateOverridesBuilder::default().with_code(PUT_AT, code).build())
            }
        };
        Ok(Self { contract: MachineStepInstance::new(address.unwrap_or(PUT_AT), provider), overrides })
    }

    /// Checks that the contract takes a step as the machine does.
    ///
    /// # Errors
    /// If it does not, or does not answer.
    pub async fn check(&self, step: &Step) -> Result<(), ContractError> {
        let mut call = self.contract.step(step.state_hash, step.witness.clone());
        if let Some(overrides) = &self.overrides {
            call = call.state(overrides.clone());
        }
        let received = call.call().await.map_err(|error| match error.as_decoded_interface_error() {
            Some(reverted) => ContractError::Reverted(reverted),
            None => ContractError::Call(error),
        })?;
        match step.next_state_hash {
            expected if expected == received => Ok(()),
            expected => Err(ContractError::NextState { received, expected }),
        }
    }
}
