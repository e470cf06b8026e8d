//! The few messages of ONNX that a model needs, in the encoding of protocol buffers.
//!
//! ```text
//! message    field field field ...
//! field      varint of (number << 3 | wire type), then its content
//! wire type  0: a varint, 2: a varint of the length and so many bytes, 5: four bytes
//! ```
//!
//! Field numbers are those of `onnx.proto`. Written here because a library of protocol buffers would bring ten crates
//! and a generated file for these sixty lines; what we write is read by the official checker in the tests.

/// A message, field by field.
#[derive(Debug, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    /// An integer, a Boolean or the number of an enumeration.
    pub(super) fn int(mut self, field: u8, value: i64) -> Self {
        self.tag(field, 0);
        self.varint(value as u64); // negative ones take ten bytes, by two's complement
        self
    }

    pub(super) fn ints(self, field: u8, values: impl IntoIterator<Item = i64>) -> Self {
        values.into_iter().fold(self, |message, value| message.int(field, value))
    }

    pub(super) fn float(mut self, field: u8, value: f32) -> Self {
        self.tag(field, 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn bytes(mut self, field: u8, value: &[u8]) -> Self {
        self.tag(field, 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
        self
    }

    pub(super) fn text(self, field: u8, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    pub(super) fn message(self, field: u8, value: &Message) -> Self {
        self.bytes(field, &value.0)
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn tag(&mut self, field: u8, wire_type: u64) {
        self.varint(u64::from(field) << 3 | wire_type);
    }

    /// Seven bits a byte, the lowest first; the eighth says that more follow.
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// An option of a node.
#[derive(Debug, Clone)]
pub(super) enum Attribute {
    Int(i64),
    Float(f64),
    Ints(Vec<i64>),
    Text(&'static str),
}

/// One operation: a `NodeProto` with one output.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) op: &'static str,
    pub(super) name: String,
    pub(super) inputs: Vec<String>,
    pub(super) output: String,
    pub(super) attributes: Vec<(&'static str, Attribute)>,
}

impl Node {
    pub(super) fn encode(&self) -> Message {
        let inputs = self.inputs.iter().fold(Message::default(), |node, input| node.text(1, input));
        let node = inputs.text(2, &self.output).text(3, &self.name).text(4, self.op);
        self.attributes.iter().fold(node, |node, (name, value)| {
            let named = Message::default().text(1, name);
            // Each kind of value has a field of its own; field 20 says which kind.
            let attribute = match value {
                Attribute::Float(value) => named.float(2, *value as f32).int(20, 1),
                Attribute::Int(value) => named.int(3, *value).int(20, 2),
                Attribute::Text(value) => named.text(4, value).int(20, 3),
                Attribute::Ints(values) => named.ints(8, values.iter().copied()).int(20, 7),
            };
            node.message(5, &attribute)
        })
    }
}

/// The numbers of a tensor.
#[derive(Debug)]
pub(super) enum Data {
    Floats(Vec<f32>),
    Ints(Vec<i64>),
}

/// Numbers that belong to the graph: a `TensorProto`.
#[derive(Debug)]
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) data: Data,
}

/// `TensorProto.FLOAT`
pub(super) const FLOAT: i64 = 1;
/// `TensorProto.INT64`
pub(super) const INT64: i64 = 7;

impl Tensor {
    pub(super) fn encode(&self) -> Message {
        let dims = Message::default().ints(1, self.shape.iter().map(|&d| d as i64));
        let (kind, raw): (_, Vec<u8>) = match &self.data {
            Data::Floats(values) => (FLOAT, values.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Data::Ints(values) => (INT64, values.iter().flat_map(|v| v.to_le_bytes()).collect()),
        };
        dims.int(2, kind).text(8, &self.name).bytes(9, &raw)
    }
}

/// The name and type of an input or output of the graph, f32 with a batch axis of any length: a `ValueInfoProto`.
pub(super) fn value_info(name: &str, shape: &[usize]) -> Message {
    let batch = Message::default().message(1, &Message::default().text(2, "n"));
    let dim = |d: usize| Message::default().int(1, d as i64);
    let shape = shape.iter().fold(batch, |dims, &d| dims.message(1, &dim(d)));
    let tensor = Message::default().int(1, FLOAT).message(2, &shape);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the documentation of protocol buffers: 150 in field 1, "testing" in field 2.
    #[test]
    fn integers_and_texts_are_as_the_documentation_of_the_encoding_shows() {
        assert_eq!(Message::default().int(1, 150).into_bytes(), [0x08, 0x96, 0x01]);
        let text = Message::default().text(2, "testing").into_bytes();
        assert_eq!(text, [0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67]);
        let nested = Message::default().message(3, &Message::default().int(1, 150)).into_bytes();
        assert_eq!(nested, [0x1a, 0x03, 0x08, 0x96, 0x01]);
    }

    #[test]
    fn negative_integers_take_ten_bytes_and_floats_four() {
        let mut minus_two = vec![0x18, 0xfe];
        minus_two.extend([0xff; 8]);
        minus_two.push(0x01);
        assert_eq!(Message::default().int(3, -2).into_bytes(), minus_two);
        assert_eq!(Message::default().float(2, 1.0).into_bytes(), [0x15, 0x00, 0x00, 0x80, 0x3f]);
    }

    #[test]
    fn the_highest_field_number_in_use_fits_two_bytes_of_tag() {
        // 20 << 3 is 160, which as a varint is a0 01.
        let node = Node {
            op: "Elu",
            name: "0.Elu".into(),
            inputs: vec!["a".into()],
            output: "b".into(),
            attributes: vec![("alpha", Attribute::Int(1))],
        };
        let bytes = node.encode().into_bytes();
        assert!(bytes.ends_with(&[0x18, 0x01, 0xa0, 0x01, 0x02]), "{bytes:x?}");
    }
}
