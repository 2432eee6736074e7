package import Checkpoints
package import NAFNet

/// The sizes of an `InstructIR`: NAFNet's, and the length of the vector that steers it. What is read has been checked: a network
/// of these sizes can be built.
package struct InstructIRConfiguration: Sendable, Equatable {
    package let trunk: NAFNetConfiguration
    /// Length of the instruction's vector (`txtdim`).
    package let instructionWidth: Int

    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        trunk = try NAFNetConfiguration(reader)
        instructionWidth = try reader.size("txtdim", 1...8_192)
    }
}
