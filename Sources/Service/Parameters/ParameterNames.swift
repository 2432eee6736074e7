/// The parameters that an operation has.
struct ParameterNames: Sendable {
    let offered: [String]

    static let none = ParameterNames(offered: [])
}
