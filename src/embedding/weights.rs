//! The weights of a model, from the content of a safetensors file.
//!
//! Must not know what the tensors mean.

use pulp::bytemuck;
use safetensors::{Dtype, SafeTensorError, SafeTensors};

/// The tensors of a file, by name.
pub struct Weights<'a>(SafeTensors<'a>);

/// Why weights can't be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    #[error("the file can't be read")]
    File(#[source] SafeTensorError),
    #[error("tensor {name} is {dtype} of {shape:?}, not F32 of the shape that the model has")]
    Tensor { name: String, dtype: Dtype, shape: Vec<usize> },
}

impl<'a> Weights<'a> {
    /// Reads the table of contents of the file.
    ///
    /// # Errors
    /// If it is not a safetensors file.
    pub fn read(file: &'a [u8]) -> Result<Self, WeightsError> {
        SafeTensors::deserialize(file).map(Self).map_err(WeightsError::File)
    }

    /// The values of a vector.
    ///
    /// # Errors
    /// If there is no such vector of that length.
    pub fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>, WeightsError> {
        self.values(name, |shape| shape == [length])
    }

    /// The values of a matrix, row after row, with as many rows as the file has.
    ///
    /// # Errors
    /// If there is no such matrix with that many columns.
    pub fn matrix(&self, name: &str, columns: usize) -> Result<Vec<f32>, WeightsError> {
        self.values(name, |shape| matches!(shape, [_, found] if *found == columns))
    }

    fn values(&self, name: &str, has_shape: impl Fn(&[usize]) -> bool) -> Result<Vec<f32>, WeightsError> {
        let tensor = self.0.tensor(name).map_err(WeightsError::File)?;
        if tensor.dtype() != Dtype::F32 || !has_shape(tensor.shape()) {
            let (dtype, shape) = (tensor.dtype(), tensor.shape().to_vec());
            return Err(WeightsError::Tensor { name: name.to_owned(), dtype, shape });
        }
        // The file is little-endian, as are all machines that Docent is built for: a copy is enough.
        let mut values = vec![0.0; tensor.shape().iter().product()];
        bytemuck::cast_slice_mut::<f32, u8>(&mut values).copy_from_slice(tensor.data());
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with a matrix of two rows of three, and a vector of two 16-bit values.
    fn file() -> Vec<u8> {
        let table = r#"{"matrix":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"short":{"dtype":"F16","shape":[2],"data_offsets":[24,28]}}"#;
        let mut file = (table.len() as u64).to_le_bytes().to_vec();
        file.extend(table.as_bytes());
        file.extend([1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.5].iter().flat_map(|value| value.to_le_bytes()));
        file.extend([0; 4]);
        file
    }

    #[test]
    fn a_tensor_is_read_only_in_the_shape_that_is_meant() {
        let file = file();
        let weights = Weights::read(&file).unwrap();
        assert_eq!(weights.matrix("matrix", 3).unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.5]);
        assert!(matches!(weights.matrix("matrix", 2), Err(WeightsError::Tensor { .. })));
        assert!(matches!(weights.vector("matrix", 6), Err(WeightsError::Tensor { .. })));
        assert!(matches!(weights.vector("short", 2), Err(WeightsError::Tensor { .. })));
        assert!(matches!(weights.vector("absent", 2), Err(WeightsError::File(_))));
        assert!(Weights::read(b"nothing").is_err());
    }
}
