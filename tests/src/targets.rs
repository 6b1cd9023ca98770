//! The test contracts of `contracts/test/support/Targets.sol`.

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

    /// Sends to L2 as a contract.
    #[sol(rpc)]
    contract Depositor {
        function send(address target, uint256 value, uint64 gasLimit, bytes data) external payable;
    }
}

/// Creation bytecode of a test contract, from forge's output.
pub(crate) fn bytecode(name: &str) -> Result<Bytes> {
    let output = std::env::var_os("FOUNDRY_OUT").map_or_else(|| PathBuf::from("contracts/out"), PathBuf::from);
    let path = repository().join(output).join("Targets.sol").join(format!("{name}.json"));
    let text = fs::read(&path).wrap_err_with(|| format!("{} is missing: run make setup", path.display()))?;
    let artifact: Value = serde_json::from_slice(&text)?;
    let code = artifact["bytecode"]["object"].as_str().ok_or_else(|| eyre!("{} has no bytecode", path.display()))?;
    Ok(code.parse()?)
}
