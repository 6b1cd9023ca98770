//! The committed bindings are what the contracts compile to.

use std::fs;

use alloy::primitives::Bytes;
use eyre::{OptionExt, Result, ensure};
use foundry_compilers::{
    Artifact, ConfigurableArtifacts, ProjectBuilder, ProjectPathsConfig,
    artifacts::{BytecodeHash, EvmVersion, Settings, SettingsMetadata, remappings::Remapping},
    solc::{Solc, SolcCompiler, SolcSettings},
};
use postern_tests::repository;
use serde_json::Value;

const CONTRACTS: [&str; 8] = [
    "bridge/Bridge.sol",
    "chain/CanonicalTransactionChain.sol",
    "chain/StateCommitmentChain.sol",
    "dispute/DisputeGame.sol",
    "dispute/MachineStep.sol",
    "l2/FeeVault.sol",
    "l2/L1Info.sol",
    "l2/Outbox.sol",
];

/// Compiled here with the settings of `foundry.toml`, without forge.
#[test]
fn bindings_are_fresh() -> Result<()> {
    let root = repository();
    let sources = root.join("contracts").join("src");
    let libraries = root.join("node_modules");
    let remapping = Remapping {
        context: None,
        name: "@openzeppelin/contracts/".to_owned(),
        path: libraries.join("@openzeppelin").join("contracts").display().to_string(),
    };
    let paths = ProjectPathsConfig::builder()
        .root(root)
        .sources(&sources)
        .tests(&sources)
        .scripts(&sources)
        .lib(libraries)
        .remapping(remapping)
        .build()?;
    let mut settings = Settings { via_ir: Some(true), evm_version: Some(EvmVersion::Osaka), ..Settings::default() };
    settings.optimizer.enable();
    settings.optimizer.runs(1_000_000);
    settings.metadata = Some(SettingsMetadata {
        use_literal_content: None,
        bytecode_hash: Some(BytecodeHash::None),
        cbor_metadata: Some(false),
    });
    let solc = Solc::new(root.join("script").join("solc.mjs"))?;
    let output = ProjectBuilder::<SolcCompiler>::new(ConfigurableArtifacts::default())
        .paths(paths)
        .settings(SolcSettings { settings, ..SolcSettings::default() })
        .ephemeral()
        .no_artifacts()
        .build(SolcCompiler::Specific(solc))?
        .compile()?;
    ensure!(!output.has_compiler_errors(), "{output}");

    for file in CONTRACTS {
        let (_, name) = file.trim_end_matches(".sol").split_once('/').ok_or_eyre("no folder")?;
        let compiled = output.find(&sources.join(file), name).ok_or_eyre("not compiled")?;
        let committed = fs::read(root.join("bindings").join("abi").join(format!("{name}.json")))?;
        let committed: Value = serde_json::from_slice(&committed)?;
        let hint = "run node script/bindings.mjs";
        assert_eq!(committed["abi"], serde_json::to_value(&compiled.abi)?, "the ABI of {name} is stale: {hint}");
        let code = compiled.get_bytecode_bytes().ok_or_eyre("no bytecode")?.into_owned();
        let expected: Bytes = serde_json::from_value(committed["bytecode"].clone())?;
        assert!(code == expected, "the bytecode of {name} is stale: {hint}");
    }
    Ok(())
}
