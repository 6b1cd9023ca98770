//! Where the contracts of a deployment are: the files that `script/Deploy.s.sol` and `script/DeployGateways.s.sol` write to
//! `deployments/<chainId>`.

use std::{
    io,
    path::{Path, PathBuf},
};

use alloy::primitives::Address;
use serde::Deserialize;
use thiserror::Error;

/// One deployed contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contract {
    /// Where it is called: the proxy, if it has one.
    pub address: Address,
    /// The implementation behind the proxy.
    #[serde(default)]
    pub implementation: Option<Address>,
    /// A block number of its own chain: no event of it is older.
    pub block_number: u64,
}

/// The contracts of one deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Custody of ETH, messages both ways.
    pub bridge: Contract,
    /// The order of L2 inputs.
    pub canonical_transaction_chain: Contract,
    /// What the L2 came to.
    pub state_commitment_chain: Contract,
    /// Disputes about what it came to.
    pub dispute_game: Contract,
    /// Owner of the proxies.
    pub timelock: Contract,
    /// What users of the bridge share; none if `script/DeployGateways.s.sol` was not run.
    pub gateways: Option<Gateways>,
}

/// Users of the bridge that others build on. Nobody owns them, and none is part of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gateways {
    /// ERC-20s, on L1.
    pub l1_token_gateway: Contract,
    /// ERC-20s, on L2.
    pub l2_token_gateway: Contract,
    /// ERC-721s, on L1.
    pub l1_nft_gateway: Contract,
    /// ERC-721s, on L2.
    pub l2_nft_gateway: Contract,
    /// Messages between ERC-7786 applications, on L1.
    pub l1_erc7786_gateway: Contract,
    /// The same, on L2.
    pub l2_erc7786_gateway: Contract,
    /// The market for withdrawals in flight, on L1.
    pub fast_exit: Contract,
    /// Reads the L2's state on L1.
    pub l2_state_reader: Contract,
    /// Pays on L1 whoever executes a message.
    pub relay_tip: Contract,
}

/// Why a deployment could not be read.
#[derive(Debug, Error)]
pub enum DeploymentError {
    /// A file is missing or cannot be read: the directory is wrong, or nothing was deployed.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file is not what the deploy script writes.
    #[error("{} does not describe a deployed contract: {source}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A file names the zero address.
    #[error("{} names no address", path.display())]
    NoAddress {
        /// The file.
        path: PathBuf,
    },
}

impl Deployment {
    /// Reads a deployment from its directory, `deployments/<chainId>`.
    ///
    /// # Errors
    /// If one of the files is missing, malformed, or without an address.
    pub fn load(directory: impl AsRef<Path>) -> Result<Self, DeploymentError> {
        let directory = directory.as_ref();
        Ok(Self {
            bridge: Contract::load(directory, "Bridge")?,
            canonical_transaction_chain: Contract::load(directory, "CanonicalTransactionChain")?,
            state_commitment_chain: Contract::load(directory, "StateCommitmentChain")?,
            dispute_game: Contract::load(directory, "DisputeGame")?,
            timelock: Contract::load(directory, "Timelock")?,
            gateways: Gateways::load(directory)?,
        })
    }
}

impl Gateways {
    /// All of them; none if no file of them is there.
    fn load(directory: &Path) -> Result<Option<Self>, DeploymentError> {
        let mut any = false;
        let mut load = |name| {
            any |= Contract::path(directory, name).exists();
            Contract::load(directory, name)
        };
        let contracts = [
            load("L1TokenGateway"),
            load("L2TokenGateway"),
            load("L1NFTGateway"),
            load("L2NFTGateway"),
            load("L1ERC7786Gateway"),
            load("L2ERC7786Gateway"),
            load("FastExit"),
            load("L2StateReader"),
            load("RelayTip"),
        ];
        if !any {
            return Ok(None);
        }
        let [l1_token, l2_token, l1_nft, l2_nft, l1_erc7786, l2_erc7786, fast_exit, l2_state_reader, relay_tip] =
            contracts;
        Ok(Some(Self {
            l1_token_gateway: l1_token?,
            l2_token_gateway: l2_token?,
            l1_nft_gateway: l1_nft?,
            l2_nft_gateway: l2_nft?,
            l1_erc7786_gateway: l1_erc7786?,
            l2_erc7786_gateway: l2_erc7786?,
            fast_exit: fast_exit?,
            l2_state_reader: l2_state_reader?,
            relay_tip: relay_tip?,
        }))
    }
}

impl Contract {
    fn path(directory: &Path, name: &str) -> PathBuf {
        directory.join(format!("{name}.json"))
    }

    fn load(directory: &Path, name: &str) -> Result<Self, DeploymentError> {
        let path = Self::path(directory, name);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(source) => return Err(DeploymentError::Unreadable { path, source }),
        };
        let contract: Self = match serde_json::from_slice(&text) {
            Ok(contract) => contract,
            Err(source) => return Err(DeploymentError::Malformed { path, source }),
        };
        if contract.address.is_zero() {
            return Err(DeploymentError::NoAddress { path });
        }
        Ok(contract)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const NAMES: [&str; 5] = ["Bridge", "CanonicalTransactionChain", "StateCommitmentChain", "DisputeGame", "Timelock"];
    const GATEWAYS: [&str; 9] = [
        "L1TokenGateway",
        "L2TokenGateway",
        "L1NFTGateway",
        "L2NFTGateway",
        "L1ERC7786Gateway",
        "L2ERC7786Gateway",
        "FastExit",
        "L2StateReader",
        "RelayTip",
    ];

    fn deployment() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        write(&directory, &NAMES);
        directory
    }

    /// Writes a file for each contract; the first has address and block 1, and so on.
    fn write(directory: &tempfile::TempDir, names: &[&str]) {
        for (i, name) in (1..).zip(names) {
            let text = format!(r#"{{"address":"{:?}","blockNumber":{i}}}"#, Address::with_last_byte(i));
            fs::write(directory.path().join(format!("{name}.json")), text).unwrap();
        }
    }

    #[test]
    fn reads_what_the_deploy_script_writes() {
        let directory = deployment();
        let proxied = format!(
            r#"{{"address":"{:?}","implementation":"{:?}","blockNumber":7}}"#,
            Address::with_last_byte(8),
            Address::with_last_byte(9)
        );
        fs::write(directory.path().join("Bridge.json"), proxied).unwrap();

        let deployment = Deployment::load(directory.path()).unwrap();

        let expected = Contract {
            address: Address::with_last_byte(8),
            implementation: Some(Address::with_last_byte(9)),
            block_number: 7,
        };
        assert_eq!(deployment.bridge, expected);
        let rest = [
            deployment.canonical_transaction_chain,
            deployment.state_commitment_chain,
            deployment.dispute_game,
            deployment.timelock,
        ];
        assert_eq!(rest.map(|contract| contract.address), [2, 3, 4, 5].map(Address::with_last_byte));
        assert_eq!(rest.map(|contract| contract.block_number), [2, 3, 4, 5]);
    }

    #[test]
    fn names_the_file_that_is_wrong() {
        let directory = deployment();
        let path = directory.path().join("StateCommitmentChain.json");
        let load = || Deployment::load(directory.path()).unwrap_err();

        fs::write(&path, r#"{"address":"0x0000000000000000000000000000000000000000","blockNumber":1}"#).unwrap();
        assert!(matches!(load(), DeploymentError::NoAddress { path: named } if named == path));

        fs::write(&path, r#"{"blockNumber":1}"#).unwrap();
        assert!(matches!(load(), DeploymentError::Malformed { path: named, .. } if named == path));

        fs::remove_file(&path).unwrap();
        assert!(matches!(load(), DeploymentError::Unreadable { path: named, .. } if named == path));
    }

    #[test]
    fn reads_the_gateways_if_there_are_any() {
        let directory = deployment();
        assert_eq!(Deployment::load(directory.path()).unwrap().gateways, None);

        write(&directory, &GATEWAYS);
        let gateways = Deployment::load(directory.path()).unwrap().gateways.unwrap();

        let contracts = [
            gateways.l1_token_gateway,
            gateways.l2_token_gateway,
            gateways.l1_nft_gateway,
            gateways.l2_nft_gateway,
            gateways.l1_erc7786_gateway,
            gateways.l2_erc7786_gateway,
            gateways.fast_exit,
            gateways.l2_state_reader,
            gateways.relay_tip,
        ];
        for (i, contract) in (1..).zip(contracts) {
            let expected =
                Contract { address: Address::with_last_byte(i), implementation: None, block_number: i.into() };
            assert_eq!(contract, expected);
        }
    }

    #[test]
    fn refuses_some_of_the_gateways() {
        let directory = deployment();
        for missing in GATEWAYS {
            write(&directory, &GATEWAYS);
            let path = directory.path().join(format!("{missing}.json"));
            fs::remove_file(&path).unwrap();
            let error = Deployment::load(directory.path()).unwrap_err();
            assert!(matches!(error, DeploymentError::Unreadable { path: named, .. } if named == path), "{missing}");
        }
    }
}
