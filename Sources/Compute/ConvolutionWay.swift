/// How a convolution in fp32 can be computed. Ways differ in speed and, within fp32's rounding, in their results.
package enum ConvolutionWay: Hashable, Sendable, CaseIterable {
    /// As its definition reads.
    case direct
    /// By Winograd's filtering on tiles of 2x2 or 4x4 outputs: 3x3 of stride 1 only.
    case winograd2
    case winograd4
}
