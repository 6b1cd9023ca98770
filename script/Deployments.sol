// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Script} from "forge-std/Script.sol";

/// @title What the deploy scripts have in common
/// @notice One directory for a deployment, with a file for each contract: `<Name>.json`, from which nodes and clients know it.
abstract contract Deployments is Script {
    /// A file that the script needs is not there.
    error FileMissing(string what, string path);
    /// The file names a contract that exists: deploy to another directory, or remove the files.
    error AlreadyDeployed(string path, address deployed);
    /// A contract is not where its peers expect it: the deployer sent other transactions in between.
    error AddressMismatch(string name, address received, address expected);

    /// @dev Where the files of this deployment go.
    function _directory() internal view returns (string memory) {
        return vm.envOr("DEPLOYMENTS_DIR", _defaultDirectory());
    }

    function _defaultDirectory() internal view returns (string memory) {
        return string.concat("deployments/", vm.toString(block.chainid));
    }

    /// @dev Where the L2's genesis is.
    function _genesisPath() internal view returns (string memory) {
        return vm.envOr("GENESIS", string.concat(_defaultDirectory(), "/genesis.json"));
    }

    function _readGenesis(string memory path) internal view returns (string memory) {
        return _readFile("genesis (make it with `postern-node genesis`)", path);
    }

    /// @dev Reverts if the file names a contract that exists on this chain.
    function _requireNotDeployed(string memory directory, string memory name) internal view {
        string memory path = _path(directory, name);
        if (!vm.isFile(path)) return;
        address deployed = vm.parseJsonAddress(vm.readFile(path), ".address");
        if (deployed.code.length != 0) revert AlreadyDeployed(path, deployed);
    }

    function _requireAddress(string memory name, address received, address expected) internal pure {
        if (received != expected) revert AddressMismatch(name, received, expected);
    }

    /// @param implementation What is behind the proxy, if it is one; or zero.
    /// @param blockNumber A block of the contract's chain from which all its events can be read.
    function _write(
        string memory directory,
        string memory name,
        address deployed,
        address implementation,
        uint256 blockNumber
    ) internal {
        string memory json = vm.serializeAddress(name, "address", deployed);
        if (implementation != address(0)) json = vm.serializeAddress(name, "implementation", implementation);
        json = vm.serializeUint(name, "blockNumber", blockNumber);
        vm.writeJson(json, _path(directory, name));
    }

    function _readFile(string memory what, string memory path) internal view returns (string memory) {
        if (!vm.isFile(path)) revert FileMissing(what, path);
        return vm.readFile(path);
    }

    function _path(string memory directory, string memory name) internal pure returns (string memory) {
        return string.concat(directory, "/", name, ".json");
    }
}
