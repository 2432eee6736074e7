/// What numbers the large products of a network are computed with. Sums, states and all that is between the products are
/// fp32 in any case.
package enum Precision: String, Sendable, CaseIterable {
    case fp32
    /// Weights and operands rounded to bfloat16: 8 bits of mantissa, the range of fp32.
    case bf16
}
