//! Where the blobs of batches come from.
//!
//! L1 names a blob by its versioned hash and forgets its bytes after some weeks. Whoever gives the bytes is not trusted: a blob is
//! only one if its KZG commitment hashes to the versioned hash. Sources are asked in the order in which the operator named
//! them, for one blob at a time, and what they answer is bounded in size and time.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use alloy::{
    eips::{
        eip4844::{
            BYTES_PER_BLOB,
            c_kzg::{self, KzgSettings},
            kzg_to_versioned_hash,
        },
        eip7594::{BlobTransactionSidecarEip7594, BlobTransactionSidecarVariant},
    },
    primitives::{B256, Bytes},
};
use hyper::StatusCode;
use postern_protocol::blob;
use serde::{Deserialize, de::DeserializeOwned};
use thiserror::Error;
use tokio::{fs::File, io::AsyncReadExt, sync::OnceCell};

use crate::{
    blocking,
    chain::L1Ref,
    http::{Http, HttpError, UrlError},
};

/// Where to look for blobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobSource {
    /// Base URL of a beacon node's HTTP API, or of an archive that serves the same. It must speak of the same L1.
    Beacon(String),
    /// A directory with one file for each blob, `<versioned hash>.blob`, of 131,072 raw bytes.
    Directory(PathBuf),
}

/// A source of blobs cannot be used.
#[derive(Debug, Error)]
#[error("{url} is not a URL of a beacon API: {reason}")]
pub struct BlobSourceError {
    /// The URL.
    pub url: String,
    /// What is wrong with it.
    pub reason: String,
}

/// No source has a blob. It may come: ask again.
#[derive(Debug, Error)]
#[error("no source has blob {hash} of L1 block {block}: {reasons}")]
pub struct BlobUnavailable {
    /// Its versioned hash.
    pub hash: B256,
    /// Number of the L1 block that names it.
    pub block: u64,
    /// What each of the sources answered.
    pub reasons: String,
}

/// A blob whose bytes are those that its versioned hash names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    hash: B256,
    bytes: Bytes,
}

impl Blob {
    /// Computes the versioned hash of a blob. None if the bytes are no blob: of another length, or with a word that is not a
    /// field element.
    pub(crate) fn new(bytes: Bytes) -> Option<Self> {
        let blob = c_kzg::Blob::from_bytes(&bytes).ok()?;
        let commitment = kzg_settings().blob_to_kzg_commitment(&blob).ok()?;
        Some(Self { hash: kzg_to_versioned_hash(commitment.to_bytes().as_slice()), bytes })
    }

    /// The blobs of a sidecar that was made here.
    pub(crate) fn of(sidecar: &BlobTransactionSidecarVariant) -> Vec<Self> {
        let blobs = sidecar.versioned_hashes().zip(sidecar.blobs());
        blobs.map(|(hash, blob)| Self { hash, bytes: Bytes::copy_from_slice(blob.as_slice()) }).collect()
    }

    /// The blob of this versioned hash among `candidates`.
    fn find(hash: B256, candidates: Vec<Bytes>) -> Result<Self, SourceError> {
        let mut found = Err(SourceError::NotFound);
        for bytes in candidates {
            match Self::new(bytes) {
                Some(blob) if blob.hash == hash => return Ok(blob),
                Some(other) => found = Err(SourceError::Wrong { received: other.hash }),
                None => found = Err(SourceError::NoBlob),
            }
        }
        found
    }

    /// Its versioned hash.
    pub(crate) const fn hash(&self) -> B256 {
        self.hash
    }

    /// Its bytes: 4,096 field elements of 32.
    pub(crate) const fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// Data as the blobs of a transaction, with their commitments and the proofs of their cells (EIP-7594). Takes a fraction of a
/// second for each blob.
pub(crate) fn sidecar(data: &[u8]) -> BlobTransactionSidecarVariant {
    let sidecar = BlobTransactionSidecarEip7594::try_from_blobs_with_settings(blob::encode(data), kzg_settings());
    sidecar.expect("words of 31 bytes are field elements").into()
}

/// Ethereum's trusted setup. Without tables: those cost memory and make only proofs faster, of which a batch needs few.
pub(crate) fn kzg_settings() -> &'static KzgSettings {
    c_kzg::ethereum_kzg_settings(0)
}

/// Why a source did not give a blob.
#[derive(Debug, Error)]
enum SourceError {
    /// It does not answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It refuses.
    #[error("answers with status {}", .0.as_u16())]
    Status(StatusCode),
    /// Its answer cannot be decoded.
    #[error("gives a malformed {what}")]
    Malformed { what: &'static str },
    /// The file cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It has none.
    #[error("not found")]
    NotFound,
    /// What it gives is no blob.
    #[error("gives what is no blob: not {BYTES_PER_BLOB} bytes of field elements")]
    NoBlob,
    /// It gives another blob.
    #[error("gives blob {received}")]
    Wrong { received: B256 },
}

/// The sources of a node.
#[derive(Debug)]
pub(crate) struct BlobSources(Vec<Source>);

#[derive(Debug)]
enum Source {
    Beacon(Box<Beacon>),
    Directory(PathBuf),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beacon(beacon) => f.write_str(beacon.http.host()),
            Self::Directory(path) => write!(f, "{}", path.display()),
        }
    }
}

impl BlobSources {
    /// Prepares the sources; nobody is asked yet.
    ///
    /// # Errors
    /// If one is not a URL.
    pub(crate) fn new(sources: &[BlobSource]) -> Result<Self, BlobSourceError> {
        let prepare = |source: &BlobSource| match source {
            BlobSource::Beacon(url) => Beacon::new(url).map(|beacon| Source::Beacon(Box::new(beacon))),
            BlobSource::Directory(path) => Ok(Source::Directory(path.clone())),
        };
        sources.iter().map(prepare).collect::<Result<_, _>>().map(Self)
    }

    /// The blob of this versioned hash, which a transaction in `block` carried: from the first source that has it.
    ///
    /// # Errors
    /// If none has. What each of them answered is in the error.
    pub(crate) async fn fetch(&self, block: L1Ref, hash: B256) -> Result<Blob, BlobUnavailable> {
        let mut reasons = Vec::new();
        for source in &self.0 {
            let found = match source {
                Source::Beacon(beacon) => beacon.fetch(block, hash).await,
                Source::Directory(path) => read_file(path, hash).await,
            };
            match found {
                Ok(blob) => return Ok(blob),
                Err(reason) => reasons.push(format!("{source}: {reason}")),
            }
        }
        if reasons.is_empty() {
            reasons.push("none is configured (--l1-beacon, --blobs-dir)".to_owned());
        }
        Err(BlobUnavailable { hash, block: block.number, reasons: reasons.join("; ") })
    }
}

/// A blob from a directory.
async fn read_file(directory: &Path, hash: B256) -> Result<Blob, SourceError> {
    let file = match File::open(directory.join(format!("{hash}.blob"))).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(SourceError::NotFound),
        file => file?,
    };
    let mut bytes = Vec::with_capacity(BYTES_PER_BLOB + 1);
    // One byte more than a blob shows that the file is not one, however long it is.
    file.take(BYTES_PER_BLOB as u64 + 1).read_to_end(&mut bytes).await?;
    blocking(move || Blob::find(hash, vec![bytes.into()])).await
}

/// A beacon node's HTTP API.
#[derive(Debug)]
struct Beacon {
    http: Http,
    naming: OnceCell<Naming>,
}

/// How an API names blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    /// By slot. Times in seconds.
    Slots { genesis: u64, slot_time: u64 },
    /// By the hash of the execution block: what serves no specification of its slots, as Anvil, has none.
    ExecutionHash,
}

/// What the API wraps its answers in.
#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Deserialize)]
struct GenesisData {
    genesis_time: String,
}

#[derive(Deserialize)]
struct SpecData {
    #[serde(rename = "SECONDS_PER_SLOT")]
    seconds_per_slot: Option<String>,
    /// What later forks have instead.
    #[serde(rename = "SLOT_DURATION_MS")]
    slot_duration_ms: Option<String>,
}

/// A blob as `blobs` gives it, or as `blob_sidecars` did before PeerDAS.
#[derive(Deserialize)]
#[serde(untagged)]
enum Item {
    Blob(Bytes),
    Sidecar { blob: Bytes },
}

impl Beacon {
    fn new(url: &str) -> Result<Self, BlobSourceError> {
        let invalid = |error: UrlError| BlobSourceError { url: url.to_owned(), reason: error.to_string() };
        Ok(Self { http: Http::new(url).map_err(invalid)?, naming: OnceCell::new() })
    }

    async fn fetch(&self, block: L1Ref, hash: B256) -> Result<Blob, SourceError> {
        let id = match self.naming.get_or_try_init(|| self.ask_naming()).await? {
            Naming::Slots { genesis, slot_time } => {
                let age = block.timestamp.checked_sub(*genesis).ok_or(SourceError::NotFound)?;
                (age / slot_time).to_string()
            }
            Naming::ExecutionHash => block.hash.to_string(),
        };
        let current = self.fetch_at(&format!("eth/v1/beacon/blobs/{id}?versioned_hashes={hash}"), hash).await;
        match current {
            Err(SourceError::Status(_)) => {
                // Nodes and archives from before PeerDAS only have this; if this fails too, the other answer says more.
                self.fetch_at(&format!("eth/v1/beacon/blob_sidecars/{id}"), hash).await.or(current)
            }
            answer => answer,
        }
    }

    async fn fetch_at(&self, path: &str, hash: B256) -> Result<Blob, SourceError> {
        let body = self.get(path).await?;
        // Unfolding and committing take milliseconds for each blob.
        blocking(move || {
            let items: Vec<Item> = decode(&body, "list of blobs")?;
            let blobs = items.into_iter().map(|(Item::Blob(blob) | Item::Sidecar { blob })| blob);
            Blob::find(hash, blobs.collect())
        })
        .await
    }

    /// Asks how blocks are named.
    async fn ask_naming(&self) -> Result<Naming, SourceError> {
        let genesis: GenesisData = decode(&self.get("eth/v1/beacon/genesis").await?, "genesis")?;
        let spec: SpecData = match self.get("eth/v1/config/spec").await {
            Err(SourceError::Status(StatusCode::NOT_FOUND)) => return Ok(Naming::ExecutionHash),
            body => decode(&body?, "specification")?,
        };
        let genesis = genesis.genesis_time.parse().ok();
        let parse = |text: Option<String>| text.and_then(|text| text.parse::<u64>().ok());
        let slot_time = parse(spec.seconds_per_slot).or_else(|| Some(parse(spec.slot_duration_ms)? / 1_000));
        match (genesis, slot_time) {
            (Some(genesis), Some(slot_time @ 1..)) => Ok(Naming::Slots { genesis, slot_time }),
            _ => Err(SourceError::Malformed { what: "genesis time or slot time" }),
        }
    }

    /// The body of an answer that is a success.
    async fn get(&self, path: &str) -> Result<hyper::body::Bytes, SourceError> {
        match self.http.get(path).await? {
            (status, body) if status.is_success() => Ok(body),
            (status, _) => Err(SourceError::Status(status)),
        }
    }
}

fn decode<T: DeserializeOwned>(body: &[u8], what: &'static str) -> Result<T, SourceError> {
    let answer: Answer<T> = serde_json::from_slice(body).map_err(|_| SourceError::Malformed { what })?;
    Ok(answer.data)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;
    use crate::http::testing::{answer, serve};

    const BLOCK: L1Ref = L1Ref { number: 7, hash: B256::repeat_byte(7), timestamp: 1_000_120 };

    /// The blobs of some data: two, of which the second is mostly zeros.
    fn blobs() -> [Blob; 2] {
        Blob::of(&sidecar(&[0xab; blob::PAYLOAD + 1])).try_into().unwrap()
    }

    /// A beacon node with slots of 12 seconds, and what it has at each path.
    async fn beacon(at: impl Fn(&str) -> Option<serde_json::Value> + Send + Sync + 'static) -> BlobSource {
        let url = serve(move |request| {
            let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
            let data = match path.as_str() {
                "/eth/v1/beacon/genesis" => Some(json!({ "genesis_time": "1000000" })),
                "/eth/v1/config/spec" => Some(json!({ "SECONDS_PER_SLOT": "12", "BLOB_SCHEDULE": [{ "EPOCH": "1" }] })),
                path => at(path),
            };
            match data {
                Some(data) => answer("200 OK", json!({ "data": data }).to_string()),
                None => answer("404 Not Found", "{}"),
            }
        });
        BlobSource::Beacon(url.await)
    }

    async fn fetch(sources: &[BlobSource], hash: B256) -> Result<Blob, String> {
        let found = BlobSources::new(sources).unwrap().fetch(BLOCK, hash).await;
        found.map_err(|error| error.to_string())
    }

    #[test]
    fn a_sidecar_of_data_names_its_blobs() {
        let [first, second] = blobs();
        for blob in [&first, &second] {
            assert_eq!(Blob::new(blob.bytes().clone()).as_ref(), Some(blob));
            assert_eq!(blob.hash()[0], 1);
        }
        assert_ne!(first, second);
        let sidecar = sidecar(b"data");
        assert!(sidecar.is_eip7594());
        let hashes: Vec<_> = sidecar.versioned_hashes().collect();
        sidecar.validate(&hashes, kzg_settings()).unwrap();
    }

    #[test]
    fn what_no_one_can_commit_to_is_no_blob() {
        assert_eq!(Blob::new(Bytes::new()), None);
        assert_eq!(Blob::new(vec![0; BYTES_PER_BLOB - 1].into()), None);
        assert_eq!(Blob::new(vec![0; BYTES_PER_BLOB + 1].into()), None);
        // Words above the modulus.
        assert_eq!(Blob::new(vec![0xff; BYTES_PER_BLOB].into()), None);
    }

    #[tokio::test]
    async fn a_beacon_node_is_asked_by_slot() {
        let [first, second] = blobs();
        let body = json!([first.bytes()]);
        let path = format!("/eth/v1/beacon/blobs/10?versioned_hashes={}", first.hash());
        let source = [beacon(move |asked| (asked == path).then(|| body.clone())).await];
        assert_eq!(fetch(&source, first.hash()).await, Ok(first));
        let error = fetch(&source, second.hash()).await.unwrap_err();
        assert!(error.contains(&second.hash().to_string()) && error.contains("L1 block 7"), "{error}");
        assert!(error.contains("127.0.0.1: answers with status 404"), "{error}");
    }

    #[tokio::test]
    async fn an_older_beacon_node_has_sidecars() {
        let [first, second] = blobs();
        let body = json!([{ "index": "0", "blob": first.bytes() }, { "index": "1", "blob": second.bytes() }]);
        let source = [beacon(move |asked| (asked == "/eth/v1/beacon/blob_sidecars/10").then(|| body.clone())).await];
        assert_eq!(fetch(&source, second.hash()).await, Ok(second));
    }

    #[tokio::test]
    async fn what_has_no_slots_is_asked_by_execution_hash() {
        let [first, _] = blobs();
        let (body, path) =
            (json!({ "data": [first.bytes()] }).to_string(), format!("/eth/v1/beacon/blobs/{}?", BLOCK.hash));
        let url = serve(move |request| match request {
            request if request.contains("/genesis") => answer("200 OK", r#"{"data":{"genesis_time":"1"}}"#),
            request if request.contains(&path) => answer("200 OK", &body),
            _ => answer("404 Not Found", ""),
        });
        let source = [BlobSource::Beacon(url.await + "/")];
        assert_eq!(fetch(&source, first.hash()).await, Ok(first));
    }

    #[tokio::test]
    async fn a_directory_has_files() {
        let [first, second] = blobs();
        let directory = tempfile::tempdir().unwrap();
        let source = [BlobSource::Directory(directory.path().to_owned())];
        let write = |hash: B256, bytes: &[u8]| fs::write(directory.path().join(format!("{hash}.blob")), bytes).unwrap();
        assert!(fetch(&source, first.hash()).await.unwrap_err().contains("not found"));
        write(first.hash(), first.bytes());
        assert_eq!(fetch(&source, first.hash()).await, Ok(first.clone()));
        write(second.hash(), first.bytes());
        let error = fetch(&source, second.hash()).await.unwrap_err();
        assert!(error.contains(&format!("gives blob {}", first.hash())), "{error}");
        for wrong in [&second.bytes()[1..], &[second.bytes().as_ref(), &[0; 1_000]].concat()] {
            write(second.hash(), wrong);
            assert!(fetch(&source, second.hash()).await.unwrap_err().contains("no blob"));
        }
    }

    #[tokio::test]
    async fn the_next_source_is_asked_when_one_lies_or_fails() {
        let [first, second] = blobs();
        let hash = first.hash();
        let directory = tempfile::tempdir().unwrap();
        let unreachable = BlobSource::Beacon("http://127.0.0.1:1".to_owned());
        let wrong = json!([second.bytes(), Bytes::from(vec![0xff; BYTES_PER_BLOB]), "0x00"]);
        let lying = beacon(move |asked| asked.contains("/blobs/").then(|| wrong.clone())).await;
        let garbage = beacon(|asked| asked.contains("/blobs/").then(|| json!({ "blobs": 1 }))).await;
        let [broken_genesis, not_json] =
            ["{\"data\":{\"genesis_time\":\"soon\"}}", "<html>"].map(|body| serve(move |_| answer("200 OK", body)));
        let (broken_genesis, not_json) = (broken_genesis.await, not_json.await);
        let mut sources = vec![unreachable, lying, garbage, BlobSource::Directory(directory.path().to_owned())];
        sources.extend([broken_genesis, not_json].map(BlobSource::Beacon));
        let error = fetch(&sources, hash).await.unwrap_err();
        for reason in [
            "Connection refused",
            "no blob",
            "malformed list of blobs",
            "not found",
            "genesis time",
            "malformed genesis",
        ] {
            assert!(error.contains(reason), "{reason}: {error}");
        }
        assert_eq!(error.lines().count(), 1);

        let right = json!([first.bytes()]);
        sources.push(beacon(move |asked| asked.contains("/blobs/").then(|| right.clone())).await);
        assert_eq!(fetch(&sources, hash).await, Ok(first));
    }

    #[tokio::test]
    async fn a_node_without_sources_says_so() {
        let error = fetch(&[], B256::ZERO).await.unwrap_err();
        assert!(error.contains("none is configured"), "{error}");
        let error = BlobSources::new(&[BlobSource::Beacon("beacon".to_owned())]).unwrap_err();
        assert_eq!(error.to_string(), "beacon is not a URL of a beacon API: relative URL without a base");
    }
}
