// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Create2Factory (L2 predeploy)
/// @notice Deploys contracts to addresses that anyone can compute, also from L1: a message to it needs no key on L2.
interface ICreate2Factory {
    /// A contract was deployed.
    event ContractDeployed(address indexed deployed, bytes32 indexed salt);

    /// @notice Deploys a contract by CREATE2. By anyone: who comes first only deploys what the address says anyway. The sent ETH
    /// goes to its constructor, and has no part in the address: none should depend on it.
    /// @dev Reverts with the constructor's reason, or with OpenZeppelin's `FailedDeployment` if it gave none or the contract is
    /// there already, and with `Create2EmptyBytecode` if there is nothing to deploy.
    /// @param salt Tells apart contracts of the same init code.
    /// @param initCode Creation code with the encoded arguments of the constructor, whose `msg.sender` is this factory.
    /// @return deployed `addressOf(salt, keccak256(initCode))`.
    function deploy(bytes32 salt, bytes calldata initCode) external payable returns (address deployed);

    /// @notice Where a contract is, or would be.
    function addressOf(bytes32 salt, bytes32 initCodeHash) external view returns (address);
}
