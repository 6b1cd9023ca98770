// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {DataCommitment} from "../../src/libraries/DataCommitment.sol";

contract DataCommitmentTest is Test {
    /// @dev The library reads calldata.
    function commitmentOf(bytes calldata data) external pure returns (bytes32) {
        return DataCommitment.ofCalldata(data);
    }

    function test_NoDataHasNoChunk() public view {
        assertEq(this.commitmentOf(""), keccak256(hex"000000000000000000"));
    }

    function test_LastChunkIsShorter() public view {
        bytes memory first = makeData(4096);
        bytes memory commitment = abi.encodePacked(bytes1(0), uint64(4097), keccak256(first), keccak256("x"));
        assertEq(this.commitmentOf(bytes.concat(first, "x")), keccak256(commitment));
    }

    function test_FullChunkIsNotFollowedByAnEmptyOne() public view {
        bytes memory data = makeData(4096);
        assertEq(this.commitmentOf(data), keccak256(abi.encodePacked(bytes1(0), uint64(4096), keccak256(data))));
    }

    function testFuzz_CommitsToEveryByte(uint256 length, uint256 place, uint256 bit) public view {
        bytes memory data = makeData(bound(length, 1, 20_000));
        bytes32 before = this.commitmentOf(data);
        place = bound(place, 0, data.length - 1);
        // forge-lint: disable-next-line(unsafe-typecast) a single bit of eight
        data[place] ^= bytes1(uint8(1 << bound(bit, 0, 7)));
        assertNotEq(this.commitmentOf(data), before);
    }

    function testFuzz_CommitsToTheLength(uint256 length) public view {
        bytes memory data = makeData(bound(length, 0, 20_000));
        assertNotEq(this.commitmentOf(data), this.commitmentOf(bytes.concat(data, hex"00")));
    }

    function testFuzz_IsThatOfTheSpecification(uint256 length) public view {
        bytes memory data = makeData(bound(length, 0, 120_000));
        bytes memory preimage = abi.encodePacked(bytes1(0), uint64(data.length));
        for (uint256 start; start < data.length; start += 4096) {
            preimage = bytes.concat(preimage, this.hashOf(data, start));
        }
        assertEq(this.commitmentOf(data), keccak256(preimage));
    }

    /// @dev The hash of one chunk.
    function hashOf(bytes calldata data, uint256 start) external pure returns (bytes32) {
        return keccak256(data[start:start + 4096 < data.length ? start + 4096 : data.length]);
    }

    function makeData(uint256 length) private pure returns (bytes memory data) {
        data = new bytes(length);
        for (uint256 i; i < length; i += 97) {
            // forge-lint: disable-next-line(unsafe-typecast) any byte will do
            data[i] = bytes1(uint8(i));
        }
    }
}
