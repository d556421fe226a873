use super::*;
use crate::decode::PseudonymKey;
use crate::record::Stream;
use crate::settings::{Layers, SettingsReader};
use crate::simulate::{Emission, FaultRates, Load, PartitionCounts};

const END: Timestamp = Timestamp::from_millis(1_790_000_000_000);
/// Offset of the next record to apply: the records before it are skipped.
const NEXT_OFFSET: i64 = 100;

/// Records of one partition, from offset 0 on.
#[derive(Clone)]
struct Emissions(Vec<Emission>);

impl RawRecords for Emissions {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn partition(&self, _: usize) -> PartitionIndex {
        PartitionIndex::new(0)
    }

    fn get<'a, 'b>(&'b self, position: usize, headers: &'a mut Vec<Header<'b>>) -> RawRecord<'a> {
        *headers = self.0[position].headers.iter().map(|(name, value)| (*name, Some(value.as_slice()))).collect();
        RawRecord { headers, ..self.without_headers(position) }
    }

    fn without_headers(&self, position: usize) -> RawRecord<'_> {
        let Emission { value, timestamp, .. } = &self.0[position];
        RawRecord { offset: position as i64, timestamp: Some(*timestamp), value: Some(value), ..RawRecord::default() }
    }
}

#[test]
fn a_batch_of_several_groups_is_decoded_as_its_records_are() {
    let mut reader = SettingsReader::load(&Layers::default());
    let key = PseudonymKey::from_hex(&"5a".repeat(32)).unwrap();
    let decoder = Decoder::new(crate::decode::Settings::read(&mut reader), key);
    let load = Load { faults: FaultRates::HOSTILE, ..Load::of(1_000, 1, PartitionCounts::each(1), END) };
    let emissions = Emissions(load.emissions().filter(|record| record.stream == Stream::Disbursement).collect());

    let mut arena = LabelArena::default();
    let alone = |position| {
        let mut headers = Vec::new();
        decoder.decode(Stream::Disbursement, &emissions.get(position, &mut headers), &mut arena)
    };
    let expected: Vec<_> = (NEXT_OFFSET as usize..emissions.len()).map(alone).collect();
    assert!(expected.len() > 10 * DecodeMemory::RECORDS && expected.iter().any(Result::is_err));

    let partition = TopicPartition { stream: Stream::Disbursement, topic: "supports".to_owned(), partition: 0 };
    let resume_point = ResumePoint { next_offset: NEXT_OFFSET, last_record: None };
    let excluded = PerStream::default();
    let mut batch_decoder = BatchDecoder::new(&decoder, &excluded, vec![partition], vec![resume_point]);
    for _ in 0..2 {
        let batch = batch_decoder.decode(emissions.clone(), Instant::now()).unwrap();
        let decoded: Vec<_> = batch.records.into_iter().map(|record| record.event).collect();
        assert_eq!(decoded, expected);
    }
}
