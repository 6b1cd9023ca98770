//! What the repository says of itself.

use std::{collections::BTreeMap, fs};

use eyre::Result;
use postern_tests::repository;

/// The gas table of the README shows the committed figures, all of them.
#[test]
fn the_readme_shows_the_committed_gas() -> Result<()> {
    let readme = fs::read_to_string(repository().join("README.md"))?;
    let snapshot = fs::read(repository().join("contracts/snapshots/Peers.json"))?;
    let figures: BTreeMap<String, String> = serde_json::from_slice(&snapshot)?;
    assert!(!figures.is_empty());
    for (key, gas) in figures {
        let gas: u64 = gas.parse()?;
        let cell = format!("| `{key}` | {},{:03} |", gas / 1_000, gas % 1_000);
        assert!(readme.contains(&cell), "README.md has no cell {cell:?}");
    }
    Ok(())
}
