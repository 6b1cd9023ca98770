//! Where the contracts of a deployment are: the files that `script/Deploy.s.sol` writes to `deployments/<chainId>`.

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
    /// L1 block number at its deployment: no event of it is older.
    pub block_number: u64,
}

/// The L1 contracts of one deployment.
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
        })
    }
}

impl Contract {
    fn load(directory: &Path, name: &str) -> Result<Self, DeploymentError> {
        let path = directory.join(format!("{name}.json"));
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

    fn deployment() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (i, name) in (1..).zip(NAMES) {
            let text = format!(r#"{{"address":"{:?}","blockNumber":{i}}}"#, Address::with_last_byte(i));
            fs::write(directory.path().join(format!("{name}.json")), text).unwrap();
        }
        directory
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
}
