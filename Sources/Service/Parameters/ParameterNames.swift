/// The parameters that an operation has.
struct ParameterNames: Sendable {
    let offered: [String]
    /// Names that are promised and not built: refused by name rather than as unknown.
    var later: [String] = []
}
