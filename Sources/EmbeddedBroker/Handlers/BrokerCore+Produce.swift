import Telemetry

extension BrokerCore {
    func produce(_ reader: inout WireReader, _ ticket: ReplyTicket) throws(WireError) {
        let transactionalID = ticket.version >= 3 ? try reader.nullableString() : nil
        let acks = try reader.int16()
        _ = try reader.int32()  // How long replicas may take; there are none.
        var refusal: ErrorCode?
        if transactionalID != nil { refusal = .transactionalIDAuthorizationFailed }
        if !(-1...1).contains(acks) { refusal = .invalidRequiredAcks }

        let topicCount = try reader.nullableCount() ?? 0
        var results: [(name: String, partitions: [PendingProduce.PartitionResult])] = []
        results.reserveCapacity(min(topicCount, 64))
        for _ in 0..<topicCount {
            let name = try reader.string()
            let topic = topics.topics[name]
            let partitionCount = try reader.nullableCount() ?? 0
            var partitions: [PendingProduce.PartitionResult] = []
            partitions.reserveCapacity(min(partitionCount, 64))
            for _ in 0..<partitionCount {
                let index = try reader.int32()
                let records = try reader.nullableBytesRange()
                var result = PendingProduce.PartitionResult(index: index, error: .none)
                do throws(ErrorCode) {
                    if let refusal { throw refusal }
                    guard let topic, let log = topic.partition(index) else {
                        throw .unknownTopicOrPartition
                    }
                    let staged = try append(records, reader.block, to: log, topic)
                    result.baseOffset = staged.baseOffset
                    result.logStartOffset = log.startOffset
                    result.log = log
                    result.flush = staged.flush
                } catch {
                    result.error = error
                    metrics.batchesRefused.increment()
                }
                partitions.append(result)
            }
            results.append((name, partitions))
        }
        pendingAnswers.append(
            PendingProduce(ticket: ticket, isAnswered: acks != 0, topics: results))
        scheduleTurnEnd()
    }

    private func append(
        _ records: Range<Int>?, _ block: ByteBlock, to log: PartitionLog, _ topic: Topic
    ) throws(ErrorCode) -> StagedBatch {
        guard let records else { throw .corruptMessage }
        let header = try RecordBatchHeader.validated(
            block, records,
            sizeMax: topic.settings.messageBytesMax ?? configuration.messageBytesMax)
        let wasStaged = log.hasStaged
        let end = log.endOffset
        let staged = try log.stage(header, block, records)
        if log.endOffset == end {
            metrics.batchesRepeated.increment()
        } else {
            metrics.batchesProduced.increment()
            metrics.recordsProduced.increment(by: Int(header.recordCount))
        }
        if !wasStaged, log.hasStaged { logsToFlush.append(log) }
        return staged
    }

    func initProducerID(_ reader: inout WireReader, _ ticket: ReplyTicket) throws(WireError) {
        let transactionalID = try reader.nullableString()
        _ = try reader.int32()
        var error = ErrorCode.none
        var producerID: Int64 = -1
        if transactionalID != nil {
            error = .transactionalIDAuthorizationFailed
        } else {
            do {
                producerID = try topics.makeProducerID()
            } catch let failure {
                logger.error(
                    "no producer ID could be reserved", ["error": failure.description])
                error = .coordinatorNotAvailable
            }
        }
        ticket.reply { response in
            response.wire.int32(0)
            response.wire.error(error)
            response.wire.int64(producerID)
            response.wire.int16(error == .none ? 0 : -1)
        }
    }
}
