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

    /// An ERC-20 of which anyone mints, with the switches that some of them have; also a twin.
    #[derive(Debug)]
    #[sol(rpc)]
    contract Token {
        error EnforcedPause();

        function mint(address to, uint256 amount) external;
        function approve(address spender, uint256 amount) external;
        function transfer(address to, uint256 amount) external;
        function allowance(address owner, address spender) external view returns (uint256);
        function balanceOf(address account) external view returns (uint256);
        function totalSupply() external view returns (uint256);
        function name() external view returns (string);
        function symbol() external view returns (string);
        function decimals() external view returns (uint8);
        function setPaused(bool paused) external;
    }

    /// An ERC-721 of which anyone mints; also a twin.
    #[derive(Debug)]
    #[sol(rpc)]
    contract Collection {
        function mint(address to, uint256 tokenId) external;
        function approve(address spender, uint256 tokenId) external;
        function transferFrom(address from, address to, uint256 tokenId) external;
        function ownerOf(uint256 tokenId) external view returns (address);
        function name() external view returns (string);
        function symbol() external view returns (string);
        function tokenURI(uint256 tokenId) external view returns (string);
    }

    /// Takes tokens with a call, unless it was given a reason not to.
    #[derive(Debug)]
    #[sol(rpc)]
    contract Receiver {
        function setRefusal(bytes refusal) external;
        function calls() external view returns (uint256);
        function caller() external view returns (address);
        function token() external view returns (address);
        function from() external view returns (address);
        function amountOrId() external view returns (uint256);
        function data() external view returns (bytes);
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
    // A file of its own, or one of those with many small ones.
    let files = [name, "Targets", "Tokens", "Receivers", "Crosschain"];
    let paths = files.map(|file| output.join(format!("{file}.sol")).join(format!("{name}.json")));
    let path = paths.iter().find(|path| path.is_file()).unwrap_or(&paths[0]);
    let text = fs::read(path).wrap_err_with(|| format!("{} is missing: run make setup", path.display()))?;
    let artifact: Value = serde_json::from_slice(&text)?;
    let code = artifact["bytecode"]["object"].as_str().ok_or_else(|| eyre!("{} has no bytecode", path.display()))?;
    Ok(code.parse()?)
}
