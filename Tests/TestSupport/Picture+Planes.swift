package import Images

extension Picture {
    /// Red, green and blue planes one after another, `3 * height * width` values: byte / 255 in float32.
    package func planes() -> [Float] {
        let count = width * height
        return [Float](unsafeUninitializedCapacity: 3 * count) { planes, written in
            pixels.withUnsafeBufferPointer { bytes in
                var index = 0
                while index < count {
                    for channel in 0..<3 { planes[channel * count + index] = Float(bytes[3 * index + channel]) / 255 }
                    index += 1
                }
            }
            written = 3 * count
        }
    }

    /// A picture from red, green and blue planes of `height * width` values each, nominally 0...1.
    ///
    /// Each value is clamped, multiplied by 255 in float32 and rounded half to even; NaN becomes 0.
    /// - Precondition: `planes.count == 3 * width * height`.
    package init(width: Int, height: Int, planes: some Collection<Float>) {
        precondition(planes.count == 3 * width * height)
        let bytes = planes.withContiguousStorageIfAvailable { Self.interleaved($0) }
        let pixels = bytes ?? Array(planes).withUnsafeBufferPointer { Self.interleaved($0) }
        self.init(width: width, height: height, pixels: pixels)
    }

    private static func interleaved(_ planes: UnsafeBufferPointer<Float>) -> [UInt8] {
        let count = planes.count / 3
        return [UInt8](unsafeUninitializedCapacity: 3 * count) { bytes, written in
            var index = 0
            while index < count {
                for channel in 0..<3 { bytes[3 * index + channel] = byte(planes[channel * count + index]) }
                index += 1
            }
            written = 3 * count
        }
    }
}
