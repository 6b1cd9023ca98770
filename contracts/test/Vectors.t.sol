// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";
import {TrieProof} from "@openzeppelin/contracts/utils/cryptography/TrieProof.sol";
import {Test} from "forge-std/Test.sol";
import {AddressAlias} from "../src/libraries/AddressAlias.sol";
import {Challenge} from "../src/dispute/Challenge.sol";
import {Node} from "../src/dispute/Node.sol";
import {Dispute, Segment} from "../src/dispute/Segment.sol";
import {Claim} from "../src/gateway/Claim.sol";
import {Delivery} from "../src/gateway/Delivery.sol";
import {IGateway} from "../src/gateway/IGateway.sol";
import {DataCommitment} from "../src/libraries/DataCommitment.sol";
import {OutboxTree} from "../src/libraries/OutboxTree.sol";
import {Batch} from "../src/types/Batch.sol";
import {Commitment, hashCheckpoints} from "../src/types/Commitment.sol";
import {Message, QueuedMessage} from "../src/types/Message.sol";
import {Output} from "../src/types/Output.sol";
import {AccountVector, SlotVector, StateVectors} from "./support/StateVectors.sol";

/// @notice The Solidity side of `contracts/test/vectors/`. The Rust side (`crates/protocol`, `crates/execution`,
/// `crates/client`) computes the same values and compares them with the same files, so neither can change a hash alone.
contract VectorsTest is Test {
    using RLP for RLP.Encoder;

    string private constant MESSAGE =
        "Vector(uint64 index,address sender,address target,uint256 value,uint64 gasLimit,bytes data,bytes32 leaf)";
    string private constant QUEUED = "Vector(uint64 index,address sender,address target,uint256 mint,uint256 value,"
        "uint64 gasLimit,uint256 fee,bytes data,bytes32 hash,bytes32 queueHash)";
    string private constant DATA = "Vector(uint256 length,bytes32 commitment)";
    string private constant BLOBS = "Vector(bytes32[] versionedHashes,bytes32 commitment)";
    string private constant BATCH = "Vector(bytes32 parent,uint64 index,uint64 l1Time,uint64 l1Block,uint64 originNumber,"
        "bytes32 originHash,bytes32 dataCommitment,bytes32 queueHash,uint64 queueGas,uint64 consumedTo,bytes32 hash)";
    string private constant OUTPUT = "Vector(uint256 version,uint256 l2ChainId,bytes32 stateRoot,bytes32 outboxRoot,"
        "bytes32 blockHash,uint64 blockNumber,uint64 batchCount,bytes32 root)";
    string private constant COMMITMENT = "Vector(bytes32 parent,bytes32 batchHash,uint64 batchCount,bytes32 outputRoot,"
        "bytes32[] checkpoints,address proposer,bytes32 id)";
    string private constant CHALLENGE = "Vector(bytes32 commitment,uint64 position,bytes32 id)";
    string private constant NODE =
        "Vector(bytes32 parent,uint64 first,bytes32 start,bytes32[] points,bytes32 pointsRoot,bytes32 id)";
    string private constant DISPUTE = "Vector(uint256 segment,bytes32 agreed,bytes32 disputed,bytes32[] siblings)";
    string private constant ALIAS = "Vector(address address,address alias)";
    string private constant PROOF = "Vector(uint64 index,uint64 count,bytes32 leaf,bytes32[] proof,bytes32 root)";
    string private constant MULTIPROOF =
        "Vector(uint256[] indices,bytes32[] leaves,uint256 depth,bytes32[] proof,bytes32 root)";
    string private constant TWIN = "Vector(string kind,address deployer,address gateway,address token,address twin)";
    string private constant DELIVERY = "Vector(uint256 value,uint64 gasLimit,bytes call,bytes32 id)";
    string private constant CLAIM = "Vector(address sender,address token,uint256 amount,address recipient,uint256 fee,"
        "uint64 deadline,bytes32 salt,bytes32 id)";

    struct MessageVector {
        uint64 index;
        address sender;
        address target;
        uint256 value;
        uint64 gasLimit;
        bytes data;
        bytes32 leaf;
    }

    struct QueuedVector {
        uint64 index;
        address sender;
        address target;
        uint256 mint;
        uint256 value;
        uint64 gasLimit;
        uint256 fee;
        bytes data;
        bytes32 hash;
        bytes32 queueHash;
    }

    struct DataVector {
        uint256 length;
        bytes32 commitment;
    }

    /// @dev A static struct followed by a word is encoded as its fields are.
    struct BlobVector {
        bytes32[] versionedHashes;
        bytes32 commitment;
    }

    struct BatchVector {
        Batch batch;
        bytes32 hash;
    }

    struct OutputVector {
        Output output;
        bytes32 root;
    }

    struct CommitmentVector {
        bytes32 parent;
        bytes32 batchHash;
        uint64 batchCount;
        bytes32 outputRoot;
        bytes32[] checkpoints;
        address proposer;
        bytes32 id;
    }

    struct ChallengeVector {
        Challenge challenge;
        bytes32 id;
    }

    struct NodeVector {
        bytes32 parent;
        uint64 first;
        bytes32 start;
        bytes32[] points;
        bytes32 pointsRoot;
        bytes32 id;
    }

    struct AliasVector {
        address l1;
        address l2;
    }

    struct ProofVector {
        uint64 index;
        uint64 count;
        bytes32 leaf;
        bytes32[] proof;
        bytes32 root;
    }

    struct MultiproofVector {
        uint256[] indices;
        bytes32[] leaves;
        uint256 depth;
        bytes32[] proof;
        bytes32 root;
    }

    struct TwinVector {
        string kind;
        address deployer;
        address gateway;
        address token;
        address twin;
    }

    struct DeliveryVector {
        uint256 value;
        uint64 gasLimit;
        bytes call;
        bytes32 id;
    }

    struct ClaimVector {
        Claim claim;
        bytes32 id;
    }

    function read(string memory name) private view returns (string memory) {
        // forge-lint: disable-next-line(unsafe-cheatcode) reads files of this repository
        return vm.readFile(string.concat("contracts/test/vectors/", name, ".json"));
    }

    function parse(string memory name, string memory key, string memory description)
        private
        view
        returns (bytes memory)
    {
        return vm.parseJsonTypeArray(read(name), key, description);
    }

    function test_Messages() public view {
        MessageVector[] memory vectors = abi.decode(parse("messages", "$", MESSAGE), (MessageVector[]));
        assertGt(vectors.length, 0);
        for (uint256 i; i < vectors.length; ++i) {
            MessageVector memory v = vectors[i];
            Message memory message = Message(v.index, v.sender, v.target, v.value, v.gasLimit, v.data);
            assertEq(message.leaf(), v.leaf);
        }
    }

    function test_QueuedMessages() public view {
        QueuedVector[] memory vectors = abi.decode(parse("queue", "$", QUEUED), (QueuedVector[]));
        assertGt(vectors.length, 0);
        bytes32 queueHash;
        for (uint256 i; i < vectors.length; ++i) {
            QueuedVector memory v = vectors[i];
            QueuedMessage memory message =
                QueuedMessage(v.index, v.sender, v.target, v.mint, v.value, v.gasLimit, v.fee, v.data);
            assertEq(message.hash(), v.hash);
            queueHash = keccak256(abi.encode(queueHash, v.hash));
            assertEq(queueHash, v.queueHash);
        }
    }

    function test_DataCommitments() public view {
        DataVector[] memory vectors = abi.decode(parse("data", "$", DATA), (DataVector[]));
        assertGt(vectors.length, 0);
        for (uint256 i; i < vectors.length; ++i) {
            bytes memory data = new bytes(vectors[i].length);
            for (uint256 j; j < data.length; ++j) {
                // forge-lint: disable-next-line(unsafe-typecast) below 251
                data[j] = bytes1(uint8(j % 251));
            }
            assertEq(this.commitmentOf(data), vectors[i].commitment);
        }
    }

    /// @dev The library reads calldata.
    function commitmentOf(bytes calldata data) external pure returns (bytes32) {
        return DataCommitment.ofCalldata(data);
    }

    function test_BlobCommitments() public {
        BlobVector[] memory vectors = abi.decode(parse("blobs", "$", BLOBS), (BlobVector[]));
        assertGt(vectors.length, 0);
        for (uint256 i; i < vectors.length; ++i) {
            vm.blobhashes(vectors[i].versionedHashes);
            assertEq(this.commitmentOfBlobs(), vectors[i].commitment);
        }
    }

    /// @dev Within a call the compiler takes the transaction's blobs for constant.
    function commitmentOfBlobs() external view returns (bytes32) {
        return DataCommitment.ofBlobs();
    }

    function test_Batches() public view {
        BatchVector[] memory vectors = abi.decode(parse("batches", "$", BATCH), (BatchVector[]));
        assertGt(vectors.length, 0);
        for (uint256 i; i < vectors.length; ++i) {
            assertEq(vectors[i].batch.hash(), vectors[i].hash);
        }
    }

    /// It is hashed where it lies in memory.
    function testFuzz_BatchHashIsThatOfTheEncoding(Batch memory batch) public pure {
        assertEq(batch.hash(), keccak256(abi.encode(batch)));
    }

    function test_Outputs() public view {
        OutputVector[] memory vectors = abi.decode(parse("outputs", "$", OUTPUT), (OutputVector[]));
        assertGt(vectors.length, 0);
        for (uint256 i; i < vectors.length; ++i) {
            assertEq(vectors[i].output.root(), vectors[i].root);
        }
    }

    function test_Commitments() public view {
        CommitmentVector[] memory vectors =
            abi.decode(parse("commitments", "$.commitments", COMMITMENT), (CommitmentVector[]));
        assertGt(vectors.length, 0);
        for (uint256 i; i < vectors.length; ++i) {
            CommitmentVector memory v = vectors[i];
            Commitment memory commitment = Commitment(
                v.parent, v.batchHash, v.batchCount, v.outputRoot, hashCheckpoints(v.checkpoints), v.proposer
            );
            assertEq(commitment.id(), v.id);
        }
    }

    function test_GenesisCommitment() public view {
        string memory json = read("commitments");
        Commitment memory genesis;
        genesis.outputRoot = vm.parseJsonBytes32(json, "$.genesis.outputRoot");
        assertEq(genesis.id(), vm.parseJsonBytes32(json, "$.genesis.id"));
        // The first commitment of the file builds on it.
        assertEq(genesis.id(), vm.parseJsonBytes32(json, "$.commitments[0].parent"));
    }

    function test_Challenges() public view {
        ChallengeVector[] memory vectors = abi.decode(parse("disputes", "$.challenges", CHALLENGE), (ChallengeVector[]));
        assertGt(vectors.length, 0);
        for (uint256 i; i < vectors.length; ++i) {
            assertEq(vectors[i].challenge.id(), vectors[i].id);
        }
    }

    function test_Nodes() public view {
        NodeVector[] memory vectors = disputeNodes();
        assertGt(vectors.length, 0);
        for (uint256 i; i < vectors.length; ++i) {
            NodeVector memory v = vectors[i];
            assertEq(this.pointsRootOf(v.points), v.pointsRoot);
            assertEq(Node(v.parent, v.first, v.start, v.pointsRoot).id(), v.id);
        }
    }

    /// Every segment of the second node.
    function test_Disputes() public view {
        NodeVector memory node = disputeNodes()[1];
        Dispute[] memory vectors = abi.decode(parse("disputes", "$.disputes", DISPUTE), (Dispute[]));
        assertEq(vectors.length, Segment.POINTS);
        for (uint256 i; i < vectors.length; ++i) {
            Dispute memory v = vectors[i];
            assertEq(v.segment, i + 1);
            assertEq(v.agreed, i == 0 ? node.start : node.points[i - 1]);
            assertEq(v.disputed, node.points[i]);
            assertEq(v.siblings.length, Segment.siblingsOf(v.segment));
            assertEq(this.disputeRootOf(v), node.pointsRoot);
        }
    }

    function test_Spacings() public view {
        uint256[] memory spacings = vm.parseJsonUintArray(read("disputes"), "$.spacings");
        assertEq(spacings.length, Segment.LEVELS);
        for (uint256 i; i < spacings.length; ++i) {
            assertEq(Segment.spacing(i + 1), spacings[i]);
        }
    }

    function disputeNodes() private view returns (NodeVector[] memory) {
        return abi.decode(parse("disputes", "$.nodes", NODE), (NodeVector[]));
    }

    /// @dev The library reads points from calldata.
    function pointsRootOf(bytes32[] calldata points) external pure returns (bytes32) {
        return Segment.root(points);
    }

    /// @dev The library reads disputes from calldata.
    function disputeRootOf(Dispute calldata dispute) external pure returns (bytes32) {
        return Segment.rootOf(dispute);
    }

    function test_Aliases() public view {
        AliasVector[] memory vectors = abi.decode(parse("aliases", "$", ALIAS), (AliasVector[]));
        assertGt(vectors.length, 0);
        for (uint256 i; i < vectors.length; ++i) {
            assertEq(AddressAlias.alias_(vectors[i].l1), vectors[i].l2);
            assertEq(AddressAlias.unalias(vectors[i].l2), vectors[i].l1);
        }
    }

    function test_OutboxProofs() public view {
        ProofVector[] memory vectors = abi.decode(parse("outbox", "$.proofs", PROOF), (ProofVector[]));
        bytes32[] memory roots = vm.parseJsonBytes32Array(read("outbox"), "$.roots");
        assertGt(vectors.length, 0);
        for (uint256 i; i < vectors.length; ++i) {
            ProofVector memory v = vectors[i];
            assertEq(this.rootOf(v.leaf, v.index, v.proof), v.root);
            assertEq(roots[v.count], v.root);
        }
    }

    /// @dev The library reads proofs from calldata.
    function rootOf(bytes32 leaf, uint64 index, bytes32[] calldata proof) external pure returns (bytes32) {
        return OutboxTree.rootOf(leaf, index, proof);
    }

    function test_OutboxMultiproofs() public view {
        MultiproofVector[] memory vectors =
            abi.decode(parse("outbox", "$.multiproofs", MULTIPROOF), (MultiproofVector[]));
        assertGt(vectors.length, 0);
        for (uint256 i; i < vectors.length; ++i) {
            MultiproofVector memory v = vectors[i];
            assertEq(this.rootOfMany(v.leaves, v.indices, v.depth, v.proof), v.root);
        }
    }

    /// @dev The library reads proofs from calldata.
    function rootOfMany(bytes32[] memory leaves, uint256[] memory indices, uint256 depth, bytes32[] calldata proof)
        external
        pure
        returns (bytes32)
    {
        return OutboxTree.rootOfMany(leaves, indices, depth, proof);
    }

    /// @dev Every root of the file, by the definition: leaves padded with zeros to a power of two, hashed pair by pair.
    function test_OutboxRoots() public view {
        string memory json = read("outbox");
        bytes32[] memory leaves = vm.parseJsonBytes32Array(json, "$.leaves");
        bytes32[] memory roots = vm.parseJsonBytes32Array(json, "$.roots");
        assertEq(roots.length, leaves.length + 1);
        assertEq(roots[0], 0);
        for (uint256 count = 1; count < roots.length; ++count) {
            uint256 width = 1;
            while (width < count) width *= 2;
            bytes32[] memory level = new bytes32[](width);
            for (uint256 i; i < count; ++i) {
                level[i] = leaves[i];
            }
            for (; width > 1; width /= 2) {
                for (uint256 i; i < width / 2; ++i) {
                    level[i] = keccak256(abi.encode(level[2 * i], level[2 * i + 1]));
                }
            }
            assertEq(roots[count], level[0]);
        }
    }

    function test_AccountAndStorageProofs() public view {
        (bytes32 stateRoot, AccountVector[] memory vectors) = StateVectors.read("proofs");
        assertGt(vectors.length, 0);
        for (uint256 i; i < vectors.length; ++i) {
            AccountVector memory v = vectors[i];
            bytes memory key = abi.encode(keccak256(abi.encodePacked(v.account)));
            assertTrue(TrieProof.verify(encodeAccount(v), stateRoot, key, v.proof));
            assertFalse(TrieProof.verify(encodeAccount(v), ~stateRoot, key, v.proof));
            ++v.nonce;
            assertFalse(TrieProof.verify(encodeAccount(v), stateRoot, key, v.proof));

            for (uint256 j; j < v.slots.length; ++j) {
                SlotVector memory s = v.slots[j];
                key = abi.encode(keccak256(abi.encode(s.slot)));
                assertTrue(TrieProof.verify(RLP.encode(s.value), v.storageRoot, key, s.proof));
                assertFalse(TrieProof.verify(RLP.encode(~s.value), v.storageRoot, key, s.proof));
            }
        }
    }

    function encodeAccount(AccountVector memory v) private pure returns (bytes memory) {
        return RLP.encoder().push(v.nonce).push(v.balance).push(v.storageRoot).push(v.codeHash).encode();
    }

    /// By the gateway of each kind and chain, which its deployer creates first.
    function test_Twins() public {
        TwinVector[] memory vectors = abi.decode(parse("gateways", "$.twins", TWIN), (TwinVector[]));
        assertGt(vectors.length, 0);
        // The bridge or the peer, and the peer or `RelayTip`.
        bytes memory others = abi.encode(makeAddr("one"), makeAddr("other"));
        for (uint256 i; i < vectors.length; ++i) {
            TwinVector memory v = vectors[i];
            vm.prank(v.deployer);
            address gateway = vm.deployCode(string.concat(v.kind, ".sol:", v.kind), others);
            assertEq(gateway, v.gateway);
            assertEq(IGateway(gateway).twinOf(v.token), v.twin);
        }
    }

    function test_Deliveries() public view {
        DeliveryVector[] memory vectors = abi.decode(parse("gateways", "$.deliveries", DELIVERY), (DeliveryVector[]));
        assertGt(vectors.length, 0);
        for (uint256 i; i < vectors.length; ++i) {
            DeliveryVector memory v = vectors[i];
            assertEq(Delivery(v.value, v.gasLimit, v.call).id(), v.id);
        }
    }

    function test_Claims() public view {
        ClaimVector[] memory vectors = abi.decode(parse("gateways", "$.claims", CLAIM), (ClaimVector[]));
        assertGt(vectors.length, 0);
        for (uint256 i; i < vectors.length; ++i) {
            assertEq(vectors[i].claim.id(), vectors[i].id);
        }
    }
}
