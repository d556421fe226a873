// Sends what became of one support: approved, then paid. CloudEvents in structured mode.
//
//	go run . BROKERS [TOPIC]
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

func main() {
	topic := "pacemeter.disbursements.v1"
	if len(os.Args) > 2 {
		topic = os.Args[2]
	}
	writer := &kafka.Writer{
		Addr:  kafka.TCP(strings.Split(os.Args[1], ",")...),
		Topic: topic,
		// The partition that Java chooses for the same key, so that a person stays in one.
		Balancer:     kafka.Murmur2Balancer{Consistent: true},
		RequiredAcks: kafka.RequireAll,
		BatchTimeout: 10 * time.Millisecond,
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	// Returns once all are acknowledged. A retry may write one twice; its id is the same, so it is counted once.
	err := writer.WriteMessages(ctx, event("approved", "C-go"), event("dispersed", "C-go"))
	if err == nil {
		err = writer.Close()
	}
	if err != nil {
		log.Fatal("not acknowledged: ", err)
	}
}

func event(name, credit string) kafka.Message {
	const beneficiary = "B-go"
	value, err := json.Marshal(map[string]any{
		"specversion": "1.0",
		// The same event always has the same id, also after a restart: a repeated one is then counted once.
		"id":     credit + "-" + name,
		"source": "/bank/go",
		"type":   "disbursement." + name + ".v1",
		// The moment at which it happened, not the moment of sending.
		"time": time.Now().Format(time.RFC3339Nano),
		"data": map[string]string{
			"programme":   "credito-a-la-palabra",
			"state":       "MX-OAX",
			"beneficiary": beneficiary,
			"credit":      credit,
			// A decimal text: a float64 would not be exact in centavos.
			"amount": "25000.00",
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	return kafka.Message{Key: []byte(beneficiary), Value: value}
}
