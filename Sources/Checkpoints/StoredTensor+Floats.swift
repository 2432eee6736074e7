extension StoredTensor {
    /// The elements in row-major order. Narrow floats are widened exactly; float64 and integers are rounded to the
    /// nearest float; a bool is 0 or 1.
    package func floats() -> [Float] {
        let count = elementCount
        return [Float](unsafeUninitializedCapacity: count) { destination, initializedCount in
            if let start = destination.baseAddress { read(0..<count, into: start) }
            initializedCount = count
        }
    }

    /// Some of the elements, as `floats` gives them.
    ///
    /// - Precondition: the range lies within the elements, and the destination has room for as many.
    package func read(_ range: Range<Int>, into destination: UnsafeMutablePointer<Float>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= elementCount)
        guard !range.isEmpty else { return }
        let width = scalarType.width
        withBytes { source in
            let part = UnsafeRawBufferPointer(rebasing: source[range.lowerBound * width..<range.upperBound * width])
            Widening.widen(part, of: scalarType, count: range.count, into: destination)
        }
    }
}

/// Bulk conversion to float. The loops over halves work on bare pointers and concrete integers: they vectorise in
/// release builds without F16C, and stay at some ten nanoseconds an element in debug builds.
private enum Widening {
    static func widen(
        _ source: UnsafeRawBufferPointer, of type: ScalarType, count: Int, into destination: UnsafeMutablePointer<Float>
    ) {
        switch type {
        case .float32:
            UnsafeMutableRawPointer(destination).copyMemory(
                from: source.baseAddress.unsafelyUnwrapped, byteCount: count * 4)
        case .float16: aligned(source, count, destination, halves)
        case .bfloat16: aligned(source, count, destination, brainHalves)
        case .float8E4M3: each(source, count, destination) { (bits: UInt8) in float8E4M3(bits) }
        case .float8E5M2: each(source, count, destination) { (bits: UInt8) in half(UInt16(bits) << 8) }
        case .float64: each(source, count, destination) { (bits: UInt64) in Float(Double(bitPattern: bits)) }
        case .int64: each(source, count, destination) { (value: Int64) in Float(value) }
        case .int32: each(source, count, destination) { (value: Int32) in Float(value) }
        case .int16: each(source, count, destination) { (value: Int16) in Float(value) }
        case .int8: each(source, count, destination) { (value: Int8) in Float(value) }
        case .uint64: each(source, count, destination) { (value: UInt64) in Float(value) }
        case .uint32: each(source, count, destination) { (value: UInt32) in Float(value) }
        case .uint16: each(source, count, destination) { (value: UInt16) in Float(value) }
        case .uint8: each(source, count, destination) { (value: UInt8) in Float(value) }
        case .bool: each(source, count, destination) { (value: UInt8) in value == 0 ? 0 : 1 }
        }
    }

    /// Runs a loop over 16-bit elements, through an aligned copy of a piece at a time where the file has them at odd
    /// addresses.
    private static func aligned(
        _ source: UnsafeRawBufferPointer, _ count: Int, _ destination: UnsafeMutablePointer<Float>,
        _ loop: (UnsafePointer<UInt16>, UnsafeMutablePointer<Float>, Int) -> Void
    ) {
        let start = source.baseAddress.unsafelyUnwrapped
        if Int(bitPattern: start) % 2 == 0 {
            // The pages hold nothing that Swift has typed, so binding them to integers is sound.
            loop(start.assumingMemoryBound(to: UInt16.self), destination, count)
            return
        }
        let piece = 4096
        withUnsafeTemporaryAllocation(of: UInt16.self, capacity: piece) { scratch in
            let copy = scratch.baseAddress.unsafelyUnwrapped
            var done = 0
            while done < count {
                let size = min(piece, count - done)
                UnsafeMutableRawPointer(copy).copyMemory(from: start + done * 2, byteCount: size * 2)
                loop(copy, destination + done, size)
                done += size
            }
        }
    }

    /// IEEE 754 binary16. Moving exponent and fraction up and multiplying by 2^112 re-biases normal numbers and
    /// subnormals alike; only infinities and NaNs need their exponent set.
    private static func halves(
        _ source: UnsafePointer<UInt16>, _ destination: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        let rebias = Float(bitPattern: 0x7780_0000)
        var index = 0
        while index < count {
            let bits = UInt32(source[index])
            let magnitude = Float(bitPattern: (bits & 0x7FFF) &<< 13) * rebias
            let special: UInt32 = (bits & 0x7C00) == 0x7C00 ? 0x7F80_0000 : 0
            destination[index] = Float(bitPattern: magnitude.bitPattern | special | ((bits & 0x8000) &<< 16))
            index &+= 1
        }
    }

    /// bfloat16 is the upper half of a float.
    private static func brainHalves(
        _ source: UnsafePointer<UInt16>, _ destination: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        var index = 0
        while index < count {
            destination[index] = Float(bitPattern: UInt32(source[index]) &<< 16)
            index &+= 1
        }
    }

    private static func half(_ bits: UInt16) -> Float {
        var result: Float = 0
        withUnsafePointer(to: bits) { halves($0, &result, 1) }
        return result
    }

    /// Four exponent bits with bias 7, three of fraction, no infinities; all ones is NaN.
    private static func float8E4M3(_ bits: UInt8) -> Float {
        let sign: Float = bits & 0x80 == 0 ? 1 : -1
        let exponent = Int(bits >> 3 & 0xF), fraction = Float(bits & 7) / 8
        if bits & 0x7F == 0x7F { return .nan }
        return sign * (exponent == 0
            ? Float(sign: .plus, exponent: -6, significand: fraction)
            : Float(sign: .plus, exponent: exponent - 7, significand: 1 + fraction))
    }

    private static func each<Element: BitwiseCopyable>(
        _ source: UnsafeRawBufferPointer, _ count: Int, _ destination: UnsafeMutablePointer<Float>,
        _ convert: (Element) -> Float
    ) {
        for index in 0..<count {
            let offset = index * MemoryLayout<Element>.size
            destination[index] = convert(source.loadUnaligned(fromByteOffset: offset, as: Element.self))
        }
    }
}
