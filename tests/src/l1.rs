//! An L1 with the contracts on it: deployed once for all tests of a process, as a user deploys them, then loaded.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{SystemTime, UNIX_EPOCH},
};

use alloy::{
    node_bindings::{Anvil, AnvilInstance},
    primitives::{Address, B256, Bytes, U64, hex},
    providers::{Provider, ProviderBuilder, ext::AnvilApi},
};
use eyre::{OptionExt, Result, WrapErr, bail, ensure, eyre};
use miniz_oxide::inflate::decompress_to_vec;
use postern_client::Deployment;
use postern_node::genesis::{Genesis, GenesisConfig};
use serde_json::{Value, json};
use tokio::{process::Command, sync::OnceCell};

use crate::actor::Actor;

/// Chain id of the devnet's L2, as `script/config/devnet.json` has it.
pub const L2_CHAIN_ID: u64 = 42_069;

static TEMPLATE: OnceCell<Template> = OnceCell::const_new();
static TEMPLATE_WITH_GATEWAYS: OnceCell<Template> = OnceCell::const_new();

/// What a deployment leaves: the state of L1, and files.
struct Template {
    state: Bytes,
    files: Vec<(String, Vec<u8>)>,
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is a folder of the repository")
}

/// Where tests keep what they write: inside the repository, since forge scripts may write nowhere else.
pub(crate) fn scratch() -> Result<PathBuf> {
    let scratch = repository().join("target").join("devnets");
    fs::create_dir_all(&scratch)?;
    Ok(scratch)
}

impl Template {
    /// What there is on L1, and in the directory.
    async fn of(anvil: &AnvilInstance, directory: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if let (Some(name), true) = (path.file_name().and_then(OsStr::to_str), path.is_file()) {
                files.push((name.to_owned(), fs::read(&path)?));
            }
        }
        let provider = ProviderBuilder::new().connect_http(anvil.endpoint_url());
        Ok(Self { state: provider.anvil_dump_state_with_history().await?, files })
    }

    /// An L1 in that state; writes the files to `deployments`.
    async fn start(&self, deployments: &Path) -> Result<AnvilInstance> {
        for (name, text) in &self.files {
            fs::write(deployments.join(name), text)?;
        }
        load(self.state.clone()).await
    }
}

/// An L1 with the contracts deployed; writes the deployment's files to `deployments`.
pub(crate) async fn start(deployments: &Path) -> Result<AnvilInstance> {
    TEMPLATE.get_or_try_init(deploy).await?.start(deployments).await
}

/// The same with the gateways. Those of L2 wait in the queue.
pub(crate) async fn start_with_gateways(deployments: &Path) -> Result<AnvilInstance> {
    TEMPLATE_WITH_GATEWAYS.get_or_try_init(deploy_gateways).await?.start(deployments).await
}

/// An L1 that has all blocks of another.
pub(crate) async fn fork(l1: &impl Provider) -> Result<AnvilInstance> {
    load(l1.anvil_dump_state_with_history().await?).await
}

/// An L1 with the same contracts, and with this beacon root in the last block of their deployment: Anvil, which has no beacon
/// chain, makes headers with none. The EVM knows the hash of that block by EIP-2935 alone.
pub(crate) async fn with_beacon_root(root: B256) -> Result<AnvilInstance> {
    let template = TEMPLATE.get_or_try_init(deploy).await?;
    let state = edit(&template.state, |dump| {
        let head = dump["best_block_number"].clone();
        let blocks = dump["blocks"].as_array_mut().ok_or_eyre("no blocks")?;
        let is_last = |block: &&mut Value| {
            let number = block["header"]["number"].as_str().and_then(|number| number.parse::<U64>().ok());
            number.is_some_and(|number| head == number.to::<u64>())
        };
        let last = blocks.iter_mut().find(is_last).ok_or_eyre("no last block")?;
        last["header"]["parentBeaconBlockRoot"] = json!(root);
        Ok(())
    })?;
    load(state).await
}

/// A dump with another content.
fn edit(dump: &[u8], edit: impl FnOnce(&mut Value) -> Result<()>) -> Result<Bytes> {
    const GZIP_HEADER: usize = 10;
    let stream = dump.get(GZIP_HEADER..).ok_or_eyre("no dump")?;
    let json = decompress_to_vec(stream).map_err(|error| eyre!("the dump is malformed: {error}"))?;
    let mut content = serde_json::from_slice(&json)?;
    edit(&mut content)?;
    // Anvil loads it whether it is compressed or not.
    Ok(serde_json::to_vec(&content)?.into())
}

async fn load(state: Bytes) -> Result<AnvilInstance> {
    let anvil = spawn()?;
    let provider = ProviderBuilder::new().connect_http(anvil.endpoint_url());
    ensure!(provider.anvil_load_state(state).await?, "Anvil does not load the state");
    // It loads old blocks, but not their hashes for the EVM. With these two, the parent of any next block is known.
    provider.anvil_mine(Some(2), None).await?;
    Ok(anvil)
}

/// Deploys to a new L1 with the script that users run.
async fn deploy() -> Result<Template> {
    let directory = tempfile::Builder::new().prefix("deployment-").tempdir_in(scratch()?)?;
    let anvil = deploy_to(directory.path()).await?;
    Template::of(&anvil, directory.path()).await
}

/// The same, and the gateways with theirs. Not to an Anvil that loaded the other template: one that is loaded twice shows a genesis block
/// which is not the parent of the next.
async fn deploy_gateways() -> Result<Template> {
    let directory = tempfile::Builder::new().prefix("gateways-").tempdir_in(scratch()?)?;
    let anvil = deploy_to(directory.path()).await?;
    run("DeployGateways", &anvil, directory.path(), |deployment| deployment.gateways.is_some()).await?;
    Template::of(&anvil, directory.path()).await
}

async fn deploy_to(directory: &Path) -> Result<AnvilInstance> {
    let config = GenesisConfig {
        l2_chain_id: L2_CHAIN_ID,
        timestamp: SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
        fee_recipient: Address::repeat_byte(0xfe),
        fund: Default::default(),
    };
    Genesis::build(&config).write(directory.join("genesis.json"))?;
    let anvil = spawn()?;
    run("Deploy", &anvil, directory, |_| true).await?;
    Ok(anvil)
}

/// Runs a script over the deployment in `directory`, which leaves it as `complete` says.
async fn run(name: &str, l1: &AnvilInstance, directory: &Path, complete: fn(&Deployment) -> bool) -> Result<()> {
    let deployer = l1.nth_key(Actor::Deployer.account()).ok_or_eyre("Anvil has no accounts")?;
    let script = Command::new(repository().join("script").join("forge"))
        .args(["script", &format!("script/{name}.s.sol"), "--broadcast", "--rpc-url", &l1.endpoint()])
        .args(["--private-key", &hex::encode_prefixed(deployer.to_bytes())])
        .env("GENESIS", directory.join("genesis.json"))
        .env("DEPLOYMENTS_DIR", directory)
        .env("FOUNDRY_BROADCAST", directory.join("broadcast"))
        .stdin(Stdio::null())
        .output()
        .await
        .wrap_err("cannot run script/forge: run make setup")?;
    // Forge ends well also when it finds no script to run.
    if !script.status.success() || !Deployment::load(directory).is_ok_and(|deployment| complete(&deployment)) {
        bail!("script/{name}.s.sol failed:\n{}", String::from_utf8_lossy(&script.stderr));
    }
    Ok(())
}

/// A Foundry binary (`anvil`, `cast`), as npm installed it.
///
/// # Errors
/// If it did not.
pub fn tool(name: &str) -> Result<PathBuf> {
    let packages = repository().join("node_modules").join("@foundry-rs");
    let missing = || format!("no {name} for this platform in {}: run make setup", packages.display());
    // Besides the package with the wrapper there is one, for this platform.
    let prefix = format!("{name}-");
    fs::read_dir(&packages)
        .wrap_err_with(missing)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|package| package.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with(&prefix)))
        .map(|package| package.join("bin").join(name))
        .find(|binary| binary.is_file())
        .ok_or_else(|| eyre!(missing()))
}

/// An Anvil on a free port; it ends with what is returned.
fn spawn() -> Result<AnvilInstance> {
    // Loading a state takes more than the 2 MB that it takes otherwise.
    Ok(Anvil::at(tool("anvil")?).port(0_u16).arg("--no-request-size-limit").try_spawn()?)
}
