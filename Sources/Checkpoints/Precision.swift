/// What numbers the large products of a network are computed with. Sums, states and all that is between the products are
/// fp32 in any case.
package enum Precision: String, Sendable, CaseIterable {
    case fp32
    /// Weights and operands rounded to bfloat16: 8 bits of mantissa, the range of fp32.
    case bf16
}

extension ConfigurationReader {
    /// The precisions in which a network was found to do as well as in fp32, `precisions`. Without the key, fp32 alone.
    package func precisions() throws(ConfigurationError) -> Set<Precision> {
        guard let names = try texts("precisions") else { return [.fp32] }
        let precisions = Set(names.compactMap { Precision(rawValue: $0) })
        guard precisions.count == names.count, precisions.contains(.fp32) else {
            let known = Precision.allCases.map(\.rawValue).joined(separator: ", ")
            throw fault("precisions", "expected names among \(known), none twice, and fp32 among them")
        }
        return precisions
    }
}
