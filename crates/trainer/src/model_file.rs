//! Models in files: one file that predicts.
//!
//! A model file is a [safetensors](https://github.com/huggingface/safetensors) file. Its tensors are the parameters by
//! their names (`0.weight`); its metadata are the network, the shape of an input, the scaling, the names of the classes
//! and of the features, what the outputs mean, and a checksum. Nothing in it is ever executed.
//!
//! # Layouts
//!
//! PyTorch keeps the weight of a `Linear` as [out, in], this library as [in, out], and the scale and shift of a
//! normalisation are `weight` and `bias` there, `gamma` and `beta` here. [`Layout`] says which of both a file is in. What
//! [`Model::save_for_pytorch`] writes, `load_state_dict` of the same chain of layers in a `torch.nn.Sequential` reads;
//! what PyTorch writes, [`Model::load_pytorch`] reads. Kernels of convolutions, tables of embeddings, biases and running
//! statistics are the same in both.

mod checks;

use std::collections::BTreeSet;
use std::path::Path;

use layers::{Layer, MAX_ELEMENTS, Sequential, Spec};
use ndarray::ArrayD;

use crate::files::fs::Disk;
use crate::files::tensors::{Encoder, Tensors};
use crate::files::{json, read_with};
use crate::{Error, FileFault, Meaning, Model, Stored, write_atomically};
use checks::{check, readable};

const FORMAT: &str = "trainer-model";
const VERSION: u32 = 1;

/// How the tensors of a file are named and oriented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// As this library keeps them.
    #[default]
    Native,
    /// As `torch.nn` keeps them.
    PyTorch,
}

impl<T: Stored> Model<T> {
    /// Reads a model, whether it was saved in single or double precision, for PyTorch or not.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read; [`Error::File`] with the path and what is wrong with the content.
    ///
    /// # Examples
    ///
    /// ```
    /// use layers::{Affine, Sequential};
    /// use trainer::Model;
    ///
    /// let path = std::env::temp_dir().join(format!("trainer-doc-model-{}.safetensors", std::process::id()));
    /// let model = Model::<f32>::new(Sequential::new(&[4]).push(Affine::new(4, 3))?, 42)?;
    /// model.save(&path)?;
    /// let loaded = Model::<f32>::load(&path)?;
    /// assert_eq!(loaded.params(), model.params());
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok::<(), trainer::Error>(())
    /// ```
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        read_with(&Disk, path.as_ref(), Model::from_bytes)
    }

    /// Reads a model from the content of a file, for example one that is compiled in by `include_bytes!`.
    ///
    /// # Errors
    ///
    /// What is wrong with the content.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let tensors = Tensors::parse(bytes)?;
        tensors.expect_format(FORMAT, VERSION)?;
        let input = input_shape(&tensors)?;
        let network = read_network(&tensors, &input)?;
        read_model(network, &input, &tensors, pytorch_names)
    }

    /// Writes the model, durably and in one go: the file at `path` is the old one or the new one, never half of one.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be written, [`Error::Content`] if a parameter is not finite, names are not as
    /// many as what they are for, or two classes have one name, [`layers::Error::NoSpec`] if a layer has no written
    /// form: see [`Model::save_params`] then; another [`layers::Error`] if the network is larger than [`MAX_ELEMENTS`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let bytes = self.to_bytes(Layout::Native)?;
        write_atomically(path, |file| file.write_all(&bytes))
    }

    /// [`Model::save`] in the layout of PyTorch: `net.load_state_dict(safetensors.torch.load_file(path))`.
    ///
    /// The file holds all that [`Model::save`] writes, and [`Model::load`] reads it too.
    ///
    /// # Errors
    ///
    /// As [`Model::save`].
    pub fn save_for_pytorch(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let bytes = self.to_bytes(Layout::PyTorch)?;
        write_atomically(path, |file| file.write_all(&bytes))
    }

    /// The content of a model file.
    ///
    /// # Errors
    ///
    /// As [`Model::save`], without those of writing.
    pub fn to_bytes(&self, layout: Layout) -> Result<Vec<u8>, Error> {
        let spec = self.written()?;
        spec.build(self.input_shape())?; // as it will be when the file is read
        let mut file = encoder(self)?;
        file.metadata("network", readable(json("network", &spec)?)?);
        put_params(&mut file, self, layout, &pytorch_names(self.network()))?;
        Ok(file.finish())
    }

    /// Gives a network the parameters that PyTorch saved for the same chain of layers, a `state_dict` of a
    /// `torch.nn.Sequential` in a safetensors file.
    ///
    /// Layers are matched by their position, so a layer that one side lacks (a `Flatten`) has to be there on both. The
    /// scaling of inputs and the names of the classes are not in such a file and are yours to set.
    ///
    /// # Errors
    ///
    /// As [`Model::load`].
    pub fn load_pytorch(network: Sequential, path: impl AsRef<Path>) -> Result<Self, Error> {
        let input = network.shape(0).to_vec();
        read_with(&Disk, path.as_ref(), |bytes| {
            let tensors = Tensors::parse(bytes)?;
            let params = read_params(&network, &tensors, Layout::PyTorch, &pytorch_names(&network))?;
            Model::from_parts(network, &input, params)
        })
    }
}

impl<T: Stored, N: Layer> Model<T, N> {
    /// Writes the parameters, the scaling and the names of the classes, but not the network: for networks with layers
    /// of your own.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be written, [`Error::Content`] if a parameter is not finite, names are
    /// not as many as what they are for, or two classes have one name.
    pub fn save_params(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let mut file = encoder(self)?;
        put_params(&mut file, self, Layout::Native, &[])?;
        let bytes = file.finish();
        write_atomically(path, |file| file.write_all(&bytes))
    }

    /// Gives a network the parameters, the scaling and the names of the classes that [`Model::save`] or
    /// [`Model::save_params`] wrote.
    ///
    /// # Errors
    ///
    /// As [`Model::load`]; the names and shapes of the tensors have to be those of the network.
    pub fn load_params(network: N, path: impl AsRef<Path>) -> Result<Self, Error> {
        read_with(&Disk, path.as_ref(), |bytes| {
            let tensors = Tensors::parse(bytes)?;
            tensors.expect_format(FORMAT, VERSION)?;
            let input = input_shape(&tensors)?;
            read_model(network, &input, &tensors, |_| Vec::new())
        })
    }
}

fn encoder<T: Stored, N>(model: &Model<T, N>) -> Result<Encoder, Error> {
    check(model)?;
    let mut file = Encoder::default();
    file.metadata("format", FORMAT);
    file.metadata("version", VERSION.to_string());
    file.metadata("written_by", concat!("trainer ", env!("CARGO_PKG_VERSION")));
    file.metadata("input_shape", json("input_shape", &model.input_shape())?);
    file.metadata("scaling", json("scaling", &model.scaling)?);
    file.metadata("class_names", json("class_names", &model.class_names)?);
    if model.meaning != Meaning::default() {
        file.metadata("outputs", json("outputs", &model.meaning)?);
    }
    for (key, names) in [("feature_names", &model.feature_names), ("value_names", &model.value_names)] {
        if !names.is_empty() {
            file.metadata(key, json(key, names)?);
        }
    }
    Ok(file)
}

fn put_params<T: Stored, N>(
    file: &mut Encoder,
    model: &Model<T, N>,
    layout: Layout,
    pytorch: &[Pytorch],
) -> Result<(), Error> {
    file.metadata("layout", if layout == Layout::Native { "native" } else { "pytorch" });
    for (i, (spec, param)) in model.specs().iter().zip(model.params()).enumerate() {
        match (layout, pytorch.get(i)) {
            (Layout::PyTorch, Some(Pytorch { name, transposed: true })) => {
                file.tensor(name, &param.t().as_standard_layout().into_owned())?;
            }
            (Layout::PyTorch, Some(Pytorch { name, transposed: false })) => file.tensor(name, param)?,
            _ => file.tensor(&spec.name, param)?,
        }
    }
    Ok(())
}

fn read_model<T: Stored, N: Layer>(
    network: N,
    input: &[usize],
    tensors: &Tensors<'_>,
    pytorch: impl Fn(&N) -> Vec<Pytorch>,
) -> Result<Model<T, N>, Error> {
    let layout = match tensors.metadata("layout") {
        Some("native") => Layout::Native,
        Some("pytorch") => Layout::PyTorch,
        other => {
            let message = format!("expected native or pytorch, got {}", other.unwrap_or("none"));
            return Err(FileFault::metadata("layout", message).into());
        }
    };
    let names = pytorch(&network);
    if layout == Layout::PyTorch && names.is_empty() && !network.params().is_empty() {
        return Err(FileFault::metadata("layout", "expected native, got pytorch").into());
    }
    let params = read_params(&network, tensors, layout, &names)?;
    let mut model = Model::from_parts(network, input, params)?;
    model.scaling = tensors.json("scaling")?;
    model.class_names = tensors.json("class_names")?;
    if tensors.metadata("outputs").is_some() {
        model.meaning = tensors.json("outputs")?;
    }
    for (key, names) in [("feature_names", &mut model.feature_names), ("value_names", &mut model.value_names)]
    {
        if tensors.metadata(key).is_some() {
            *names = tensors.json(key)?;
        }
    }
    check(&model)?;
    Ok(model)
}

fn read_params<T: Stored>(
    network: &impl Layer,
    tensors: &Tensors<'_>,
    layout: Layout,
    pytorch: &[Pytorch],
) -> Result<Vec<ArrayD<T>>, FileFault> {
    let specs = network.params();
    let name = |i: usize| match (layout, pytorch.get(i)) {
        (Layout::PyTorch, Some(p)) => (p.name.as_str(), p.transposed),
        _ => (&*specs[i].name, false),
    };
    check_tensors(tensors, (0..specs.len()).map(|i| name(i).0), layout)?;
    let params = specs.iter().enumerate().map(|(i, spec)| match name(i) {
        (name, true) => {
            let shape: Vec<usize> = spec.shape.iter().rev().copied().collect();
            Ok(tensors.read::<T>(name, &shape)?.reversed_axes())
        }
        (name, false) => tensors.read(name, &spec.shape),
    });
    params.collect()
}

/// That the tensors are those of the network, all of them and no others.
fn check_tensors<'n>(
    tensors: &Tensors<'_>,
    expected: impl Iterator<Item = &'n str>,
    layout: Layout,
) -> Result<(), FileFault> {
    let expected: BTreeSet<&str> = expected.collect();
    // PyTorch's batch normalisation counts its batches; the count has no part in predictions.
    let counts = |name: &str| layout == Layout::PyTorch && name.ends_with("num_batches_tracked");
    let got: BTreeSet<&str> = tensors.names().filter(|name| !counts(name)).collect();
    if expected == got {
        return Ok(());
    }
    let list = |a: &BTreeSet<&str>, b| a.difference(b).map(ToString::to_string).collect();
    Err(FileFault::Names { missing: list(&expected, &got), unexpected: list(&got, &expected) })
}

fn input_shape(tensors: &Tensors<'_>) -> Result<Vec<usize>, FileFault> {
    let shape: Vec<usize> = tensors.json("input_shape")?;
    // For a network of one's own too, which is not built by the rule for written ones.
    let elements = shape.iter().try_fold(1_usize, |product, &axis| product.checked_mul(axis));
    if elements.is_none_or(|elements| elements > MAX_ELEMENTS) {
        let message =
            format!("expected at most {MAX_ELEMENTS} numbers in an example, got the shape {shape:?}");
        return Err(FileFault::metadata("input_shape", message));
    }
    Ok(shape)
}

fn read_network(tensors: &Tensors<'_>, input: &[usize]) -> Result<Sequential, Error> {
    if tensors.metadata("network").is_none() {
        let message = "missing: the network holds a layer without a written form; use `Model::load_params`";
        return Err(FileFault::metadata("network", message).into());
    }
    tensors.json::<serde_json::Value>("network")?; // nested no deeper than a reader can follow
    let Spec::Sequential { layers } = tensors.json("network")? else {
        return Err(FileFault::metadata("network", "expected a sequential network").into());
    };
    Ok(layers::sequential(&layers, input)?)
}

/// A parameter as `torch.nn` has it.
#[derive(Debug, PartialEq)]
struct Pytorch {
    name: String,
    transposed: bool,
}

/// The parameters of a network, in order, as `torch.nn` has them.
fn pytorch_names(network: &Sequential) -> Vec<Pytorch> {
    let mut transposed = BTreeSet::new();
    for (i, layer) in network.layers().iter().enumerate() {
        if let Some(spec) = layer.spec() {
            find_affine(&spec, &format!("{i}."), &mut transposed);
        }
    }
    let names = network.params().into_iter().map(|spec| {
        let (path, leaf) = spec.name.rsplit_once('.').unwrap_or(("", &spec.name));
        let leaf = match leaf {
            "gamma" | "alpha" => "weight",
            "beta" => "bias",
            other => other,
        };
        let name = if path.is_empty() { leaf.to_owned() } else { format!("{path}.{leaf}") };
        Pytorch { name, transposed: transposed.contains(&*spec.name) }
    });
    names.collect()
}

/// The names of all weights of affine layers at or below this one.
fn find_affine(spec: &Spec, path: &str, found: &mut BTreeSet<String>) {
    match spec {
        Spec::Affine { .. } => {
            found.insert(format!("{path}weight"));
        }
        Spec::Sequential { layers: inner }
        | Spec::Residual { layers: inner }
        | Spec::Concat { branches: inner, .. } => {
            for (i, layer) in inner.iter().enumerate() {
                find_affine(layer, &format!("{path}{i}."), found);
            }
        }
        _ => {}
    }
}
