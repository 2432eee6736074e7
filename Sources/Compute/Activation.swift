package import CKernels

/// The non-linearity that a layer applies as it stores its results.
package enum Activation: Sendable {
    case none
    /// x / (1 + e^-x)
    case silu
    /// x Phi(x), with the exact error function
    case gelu
    /// x / (1 + e^(-1.702 x)): the approximation of GELU that OpenAI's CLIP was trained with
    case quickGELU
    /// max(x, 0)
    case relu

    package var kernel: kernel_activation {
        switch self {
        case .none: KERNEL_ACTIVATION_NONE
        case .silu: KERNEL_ACTIVATION_SILU
        case .gelu: KERNEL_ACTIVATION_GELU
        case .quickGELU: KERNEL_ACTIVATION_QUICK_GELU
        case .relu: KERNEL_ACTIVATION_RELU
        }
    }
}

/// Applies an activation in place.
package func activate(_ tensor: Tensor, _ activation: Activation, in workspace: Workspace) {
    workspace.kernels.activate(tensor.base, tensor.base, tensor.count, activation.kernel)
}

/// What an activation makes of a tensor, which stays as it is.
package func activated(_ tensor: Tensor, _ activation: Activation, in workspace: Workspace) -> Tensor {
    let result = workspace.tensor(
        batch: tensor.batch, height: tensor.height, width: tensor.width, channels: tensor.channels)
    workspace.kernels.activate(tensor.base, result.base, tensor.count, activation.kernel)
    return result
}
