// An app beside Countersign, for deploy/try-kubernetes: over the shared Unix socket it enrolls a device and
// verifies with it, known only by its user id.
//
//	app once       goes through the flow, and says how it went by its exit status
//	app serve      the same, then answers /readyz until it is stopped
//	app stranger   expects to be turned away: its user id is not a caller's
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	pb "try/gen/countersign/v1"
)

func main() {
	mode := "once"
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	if err := run(mode); err != nil {
		report(fmt.Sprintf("failed: %v", err))
		os.Exit(1)
	}
}

func run(mode string) error {
	connection, err := grpc.NewClient(os.Getenv("COUNTERSIGN_SERVER"),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	// No retries: the sidecar was there before this began, or the promise of a native sidecar is broken.
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	switch mode {
	case "once":
		return flow(ctx, connection)
	case "serve":
		if err := flow(ctx, connection); err != nil {
			return err
		}
		return serve()
	case "stranger":
		return stranger(ctx, connection)
	}
	return fmt.Errorf("there is no mode %q: once, serve or stranger", mode)
}

// Enrolls, confirms and verifies. Then it may add a device in the session in which it proved one, and in no other;
// and it is refused the same code again.
func flow(ctx context.Context, connection *grpc.ClientConn) error {
	devices, verification := pb.NewDeviceServiceClient(connection), pb.NewVerificationServiceClient(connection)
	assurance := pb.NewAssuranceServiceClient(connection)
	subject := fmt.Sprintf("user-%d", time.Now().UnixNano())
	here := &pb.Context{Session: "session of " + subject}
	enrolled, err := devices.EnrollDevice(ctx, &pb.EnrollDeviceRequest{
		Subject: subject, Context: here,
		Setup: &pb.EnrollDeviceRequest_Totp{Totp: &pb.TotpSetup{}},
	})
	if err != nil {
		return fmt.Errorf("enroll: %w", err)
	}
	device, secret := enrolled.Device.Id, enrolled.Enrollment.GetOath().GetSecretBase32()
	now := time.Now()
	first, err := totp(secret, now)
	if err != nil {
		return err
	}
	confirmed, err := devices.ConfirmDevice(ctx, &pb.ConfirmDeviceRequest{
		Subject: subject, Context: here, DeviceId: device, Proof: code(first),
	})
	if err != nil {
		return fmt.Errorf("confirm: %w", err)
	}
	if err := expect("confirm", confirmed.Verdict, pb.Outcome_OUTCOME_ACCEPTED); err != nil {
		return err
	}
	// The code of the next step: the one that confirmed is used up.
	next, err := totp(secret, now.Add(period))
	if err != nil {
		return err
	}
	offer := func(wanted pb.Outcome) error {
		answer, err := verification.Verify(ctx, &pb.VerifyRequest{
			Subject: subject, Context: here, DeviceId: device, Proof: code(next),
		})
		if err != nil {
			return fmt.Errorf("verify: %w", err)
		}
		return expect("verify", answer.Verdict, wanted)
	}
	if err := offer(pb.Outcome_OUTCOME_ACCEPTED); err != nil {
		return err
	}
	for _, asked := range []struct {
		where  *pb.Context
		wanted pb.DecisionOutcome
	}{
		{here, pb.DecisionOutcome_DECISION_OUTCOME_SATISFIED},
		{&pb.Context{Session: "another"}, pb.DecisionOutcome_DECISION_OUTCOME_STEP_UP_REQUIRED},
	} {
		answer, err := assurance.Evaluate(ctx, &pb.EvaluateRequest{
			Subject: subject, Context: asked.where, Requirements: []string{"countersign.enroll"},
		})
		if err != nil {
			return fmt.Errorf("evaluate: %w", err)
		}
		if got := answer.Decisions[0].Outcome; got != asked.wanted {
			return fmt.Errorf("evaluate in %q: %v, not %v", asked.where.Session, got, asked.wanted)
		}
	}
	// Last: a device that was just offered a wrong code is not asked again at once.
	if err := offer(pb.Outcome_OUTCOME_REJECTED); err != nil {
		return err
	}
	report("enrolled, confirmed, verified, stepped up, and was refused the same code again")
	return nil
}

func code(digits string) *pb.Proof {
	return &pb.Proof{Proof: &pb.Proof_Code{Code: digits}}
}

func expect(what string, verdict *pb.Verdict, wanted pb.Outcome) error {
	if verdict.GetOutcome() != wanted {
		return fmt.Errorf("%s: %v (%v), not %v", what, verdict.GetOutcome(), verdict.GetRejectReason(), wanted)
	}
	return nil
}

// Expects that the socket is closed to this user, or that the server does not know them.
func stranger(ctx context.Context, connection *grpc.ClientConn) error {
	_, err := pb.NewSubjectServiceClient(connection).GetSubject(ctx, &pb.GetSubjectRequest{Subject: "somebody"})
	if got := status.Code(err); got != codes.Unauthenticated {
		return fmt.Errorf("a stranger got %v, not %v: %w", got, codes.Unauthenticated, err)
	}
	report("turned away: " + status.Convert(err).Message())
	return nil
}

func serve() error {
	http.HandleFunc("/readyz", func(http.ResponseWriter, *http.Request) {})
	server := &http.Server{Addr: ":8080", ReadHeaderTimeout: 5 * time.Second}
	stop, done := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer done()
	go func() {
		<-stop.Done()
		_ = server.Close()
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Says it in the log, and where `kubectl get pod` finds it after the end.
func report(line string) {
	fmt.Println(line)
	// Outside Kubernetes there is no such file.
	_ = os.WriteFile("/dev/termination-log", []byte(line), 0o600)
}
