//! Decoding compressed batches is part of what all nodes must agree on. `contracts/test/vectors/streams.json` holds streams by zlib
//! and by hand, whole and malformed, and what zlib makes of them. Unlike the other vectors they are never written anew by a test: a
//! codec that differs from them is wrong.

use alloy_primitives::{Bytes, keccak256};
use alloy_rlp::Encodable;
use postern_protocol::batch;
use serde_json::Value;
use std::{fs, path::Path};

#[test]
fn of_batches() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts/test/vectors/streams.json");
    let streams: Vec<Value> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let malformed = streams.iter().filter(|stream| stream["blocks"] == "0").count();
    assert_eq!((streams.len(), malformed), (49, 31));
    for stream in &streams {
        let name = &stream["name"];
        let data: Bytes = stream["data"].as_str().unwrap().parse().unwrap();
        let blocks = batch::decode(&data);
        assert_eq!(blocks.len().to_string(), stream["blocks"], "{name}");
        // The blocks as they stand in the content, one after the other.
        let mut content = Vec::new();
        blocks.iter().for_each(|block| block.encode(&mut content));
        assert_eq!(keccak256(&content).to_string(), stream["contentHash"], "{name}");
        assert_eq!(batch::decode(&batch::encode(&blocks)), blocks, "{name}");
    }
}
