//! Inputs of every precompile of Osaka, chosen to be accepted and to take it long.

use alloy_primitives::{Address, B256, U256, hex};

/// A call of a precompile.
#[derive(Clone, Debug)]
pub struct PrecompileCall {
    /// What it computes.
    pub name: &'static str,
    /// Where the precompile is.
    pub address: Address,
    /// Its input.
    pub input: Vec<u8>,
}

/// The generator of the first group of BN254.
const BN_G1: [[u8; 32]; 2] =
    [U256::from_limbs([1, 0, 0, 0]).to_be_bytes(), U256::from_limbs([2, 0, 0, 0]).to_be_bytes()];

/// The generator of the second group of BN254, as EIP-197 encodes it: imaginary parts first.
const BN_G2: [u8; 128] = hex!(
    "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2"
    "1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed"
    "090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b"
    "12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa"
);

/// The generator of the first group of BLS12-381, as EIP-2537 encodes it: coordinates padded to 64 bytes.
const BLS_G1: [u8; 128] = hex!(
    "0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
    "0000000000000000000000000000000008b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1"
);

/// The generator of the second group of BLS12-381.
const BLS_G2: [u8; 256] = hex!(
    "00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
    "0000000000000000000000000000000013e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
    "000000000000000000000000000000000ce5d527727d6e118cc9cdc6da2e351aadfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801"
    "000000000000000000000000000000000606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be"
);

/// A signature over P-256 with its message and key, from RIP-7212.
const P256: [u8; 160] = hex!(
    "4cee90eb86eaa050036147a12d49004b6b9c72bd725d39d4785011fe190f0b4d"
    "a73bd4903f0ce3b639bbbf6e8e80d16931ff4bcf5993d58468e8fb19086e8cac"
    "36dbcd03009df8c59286b162af3bd7fcc0450c9aa81be5d10d312af6c66b1d60"
    "4aebd3099c618202fcfe16ae7770b0c49ab5eadf74b754204a3bb6060e44eff3"
    "7618b065f9832de4ca6ca971a7a1adc826d0f7c00181a5fb2ddf79ae00b4e10e"
);

/// A signature over secp256k1, as the precompile takes it.
const SECP256K1: [u8; 128] = hex!(
    "456e9aea5e197a1f1af7a3e85a3212fa4049a3ba34c2289b4c860fc0b0c64ef3"
    "000000000000000000000000000000000000000000000000000000000000001c"
    "9242685bf161793cc25603c231bc2f568eb630ea16aa137d2664ac8038825608"
    "4f8ae3bd7535248d0bd448298cc2e2071e56992d0774dc340c368ae950852ada"
);

/// One call of each precompile, of some of them several.
pub fn calls() -> Vec<PrecompileCall> {
    let scalar = [0xff; 32];
    // Below the modulus, and no root of anything.
    let field = [&[0; 16], &[0x11; 48][..]].concat();
    vec![
        call("ecrecover", 1, SECP256K1.to_vec()),
        call("ecrecover of nothing", 1, Vec::new()),
        call("sha256 of 0 bytes", 2, Vec::new()),
        call("sha256 of 4096 bytes", 2, vec![7; 4096]),
        call("ripemd160 of 0 bytes", 3, Vec::new()),
        call("ripemd160 of 4096 bytes", 3, vec![7; 4096]),
        call("identity of 4096 bytes", 4, vec![7; 4096]),
        call("modexp, 1 byte", 5, modexp(1, 1, 0xff)),
        call("modexp, 32 bytes", 5, modexp(32, 32, 0xff)),
        call("modexp, 32 bytes, even", 5, modexp(32, 32, 0xfe)),
        call("modexp, 32 bytes, exponent of 3", 5, modexp(32, 3, 0xff)),
        call("modexp, 256 bytes, exponent of 32", 5, modexp(256, 32, 0xff)),
        call("modexp, 256 bytes, even, exponent of 32", 5, modexp(256, 32, 0xfe)),
        call("modexp, 1024 bytes, exponent of 1", 5, modexp(1024, 1, 0xff)),
        call("modexp, 1024 bytes, even, exponent of 1", 5, modexp(1024, 1, 0xfe)),
        call("bn254 addition", 6, BN_G1.repeat(2).concat()),
        call("bn254 multiplication", 7, [&BN_G1[..], &[scalar]].concat().concat()),
        call("bn254 pairing of 0", 8, Vec::new()),
        call("bn254 pairing of 1", 8, [&BN_G1.concat(), &BN_G2[..]].concat()),
        call("bn254 pairing of 8", 8, [&BN_G1.concat(), &BN_G2[..]].concat().repeat(8)),
        call("blake2f, 0 rounds", 9, blake2f(0)),
        call("blake2f, 10000 rounds", 9, blake2f(10_000)),
        call("point evaluation", 10, point_evaluation()),
        call("bls12-381 addition in G1", 11, BLS_G1.repeat(2)),
        call("bls12-381 multiplication in G1", 12, [&BLS_G1, &scalar[..]].concat()),
        call("bls12-381 multiplication of 32 in G1", 12, [&BLS_G1, &scalar[..]].concat().repeat(32)),
        call("bls12-381 addition in G2", 13, BLS_G2.repeat(2)),
        call("bls12-381 multiplication in G2", 14, [&BLS_G2, &scalar[..]].concat()),
        call("bls12-381 multiplication of 32 in G2", 14, [&BLS_G2, &scalar[..]].concat().repeat(32)),
        call("bls12-381 pairing of 1", 15, [&BLS_G1[..], &BLS_G2].concat()),
        call("bls12-381 pairing of 8", 15, [&BLS_G1[..], &BLS_G2].concat().repeat(8)),
        call("bls12-381 map to G1", 16, field.clone()),
        call("bls12-381 map to G2", 17, field.repeat(2)),
        call("p256 verification", 0x100, P256.to_vec()),
    ]
}

fn call(name: &'static str, address: u16, input: Vec<u8>) -> PrecompileCall {
    PrecompileCall { name, address: Address::left_padding_from(&address.to_be_bytes()), input }
}

/// `base ^ exponent mod modulus`, base and modulus of one length, the modulus ending in `last`, the exponent all ones.
fn modexp(length: usize, exponent: usize, last: u8) -> Vec<u8> {
    let lengths = [length, exponent, length].map(|length| U256::from(length).to_be_bytes::<32>()).concat();
    let mut modulus = vec![0xfb; length];
    modulus[length - 1] = last;
    [lengths, vec![0xf3; length], vec![0xff; exponent], modulus].concat()
}

/// EIP-152's F with so many rounds.
fn blake2f(rounds: u32) -> Vec<u8> {
    [&rounds.to_be_bytes()[..], &[0x5a; 64 + 128 + 16], &[1]].concat()
}

/// A proof for EIP-4844's precompile.
fn point_evaluation() -> Vec<u8> {
    let settings = c_kzg::ethereum_kzg_settings(0);
    let mut blob = Box::new(c_kzg::Blob::new([0; c_kzg::BYTES_PER_BLOB]));
    for (position, word) in blob.chunks_mut(32).enumerate() {
        word[1..].fill(position as u8);
    }
    let point = B256::with_last_byte(7);
    let commitment = settings.blob_to_kzg_commitment(&blob).expect("its words are field elements");
    let (proof, value) = settings.compute_kzg_proof(&blob, &point.0.into()).expect("so is the point");
    let versioned_hash = alloy_eips::eip4844::kzg_to_versioned_hash(commitment.as_slice());
    let parts =
        [versioned_hash.as_slice(), point.as_slice(), value.as_slice(), commitment.as_slice(), proof.as_slice()];
    parts.concat()
}
