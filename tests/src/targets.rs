//! The test contracts of `contracts/test/support`.

use std::{fs, path::PathBuf};

use alloy::{primitives::Bytes, sol};
use eyre::{Result, WrapErr, eyre};
use serde_json::Value;

use crate::l1::repository;

sol! {
    /// Remembers who called it.
    #[sol(rpc)]
    contract Recorder {
        function calls() external view returns (uint256);
        function caller() external view returns (address);
        function sender() external view returns (address);
        function value() external view returns (uint256);
        function data() external view returns (bytes);
    }

    /// Refuses until it is opened.
    #[sol(rpc)]
    contract Gate {
        #[derive(Debug, PartialEq, Eq)]
        error Closed();

        function calls() external view returns (uint256);
        function setOpen(bool open) external;
    }

    /// Calls the bridge back.
    #[sol(rpc)]
    contract Reentrant {
        function setCallback(bytes callback) external;
        function succeeded() external view returns (bool);
        function returned() external view returns (bytes);
        function senderBefore() external view returns (address);
        function senderAfter() external view returns (address);
    }

    /// Does what it is told to, and takes no ETH.
    #[derive(Debug)]
    #[sol(rpc)]
    contract Puppet {
        function act(address target, uint256 value, bytes data) external payable;
    }

    /// Sends to L2 as a contract.
    #[sol(rpc)]
    contract Depositor {
        function send(address target, uint256 value, uint64 gasLimit, bytes data) external payable;
    }

    /// Sends many useless messages to L2.
    #[derive(Debug)]
    #[sol(rpc)]
    contract Flooder {
        function flood(uint256 count, uint64 gasLimit) external payable;
    }

    /// Verifies answers of `eth_getProof`.
    #[sol(rpc)]
    contract StateProofs {
        function accountAt(bytes32 stateRoot, address account, bytes[] proof)
            external view returns (uint256 nonce, uint256 balance, bytes32 storageRoot, bytes32 codeHash);
        function storageAt(bytes32 storageRoot, bytes32 slot, bytes[] proof) external view returns (uint256);
        function isAbsent(bytes32 root, bytes key, bytes[] proof) external view returns (bool);
    }

    /// Checks facts of L1 on L2; also a `StateProofs`.
    #[sol(rpc)]
    contract L1Facts {
        #[derive(Debug, PartialEq, Eq)]
        error HeaderMismatch(bytes32 received, bytes32 expected);

        function stateRoot(bytes header) external view returns (bytes32);
    }
}

/// Creation bytecode of a test contract, from forge's output.
///
/// # Errors
/// If forge did not build it.
pub fn bytecode(name: &str) -> Result<Bytes> {
    let output = std::env::var_os("FOUNDRY_OUT").map_or_else(|| PathBuf::from("contracts/out"), PathBuf::from);
    let output = repository().join(output);
    // A file of its own, or the one with the many small ones.
    let own = output.join(format!("{name}.sol"));
    let folder = if own.is_dir() { own } else { output.join("Targets.sol") };
    let path = folder.join(format!("{name}.json"));
    let text = fs::read(&path).wrap_err_with(|| format!("{} is missing: run make setup", path.display()))?;
    let artifact: Value = serde_json::from_slice(&text)?;
    let code = artifact["bytecode"]["object"].as_str().ok_or_else(|| eyre!("{} has no bytecode", path.display()))?;
    Ok(code.parse()?)
}
