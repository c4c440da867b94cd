package org.apache.spark.deploy.judge

import java.io.{BufferedReader, InputStreamReader, PrintStream}
import java.lang.reflect.{Field, InvocationTargetException, Method}
import java.net.{InetAddress, InetSocketAddress}
import java.nio.charset.StandardCharsets.UTF_8
import java.util.{ArrayList => JList, LinkedHashMap => JMap}
import scala.collection.JavaConverters._
import scala.util.control.NonFatal

import com.fasterxml.jackson.databind.ObjectMapper
import com.sun.net.httpserver.{HttpExchange, HttpHandler, HttpServer}
import io.fabric8.kubernetes.api.model.{Container, Pod, PodBuilder}
import io.fabric8.kubernetes.client.{ConfigBuilder, KubernetesClient, KubernetesClientBuilder}
import io.fabric8.kubernetes.client.utils.Serialization

import org.apache.spark.{ExecutorAllocationManager, SecurityManager, SparkConf, SparkContext, SparkEnv}
import org.apache.spark.deploy.{SparkSubmit, SparkSubmitArguments}
import org.apache.spark.deploy.k8s.Config._
import org.apache.spark.deploy.k8s.KubernetesConf
import org.apache.spark.deploy.k8s.submit.{ClientArguments, KubernetesDriverBuilder}
import org.apache.spark.resource.{ResourceProfile, ResourceProfileManager}
import org.apache.spark.scheduler.LiveListenerBus
import org.apache.spark.scheduler.cluster.SchedulerBackendUtils
import org.apache.spark.scheduler.cluster.k8s.{KubernetesClusterManager, KubernetesExecutorBuilder}
import org.apache.spark.util.{SystemClock, Utils}

/**
 * Reads submissions from standard input, one JSON array of spark-submit's arguments a line, and writes the pods that Spark
 * makes of each as one JSON object a line: `driver` and `executor`, or `refusal` with the role that is not made (empty for
 * both), the step that refused, the class of the exception and its messages. Each step is called as Spark calls it.
 */
object Judge {
  private type Json = JMap[String, Any]

  private val mapper = new ObjectMapper

  def main(args: Array[String]): Unit = {
    // Spark prints usage and logs to either stream, so answers have the original one for themselves.
    val answers = new PrintStream(System.out, true, UTF_8.name)
    System.setOut(System.err)
    val server = new ApiServer
    val input = new BufferedReader(new InputStreamReader(System.in, UTF_8))
    Iterator.continually(input.readLine).takeWhile(_ != null).foreach { line =>
      val submission = mapper.readValue(line, classOf[Array[String]])
      answers.println(mapper.writeValueAsString(new Submission(submission.toSeq, server).judged))
    }
    // Threads would keep the process alive, and Spark deletes its temporary folders one by one.
    Runtime.getRuntime.halt(0)
  }

  private class Submission(arguments: Seq[String], server: ApiServer) {
    private val answer = new Json

    def judged: Json = {
      submitted.foreach { conf => executors(conf) }
      answer
    }

    /** What spark-submit does. Returns the configuration of the driver, or None if there is no driver. */
    private def submitted: Option[SparkConf] = guarded("", "spark-submit") {
      val parsed = new SparkSubmitArguments(arguments)
      val (childArguments, _, conf, mainClass) = new SparkSubmit().prepareSubmitEnvironment(parsed)
      server.driver = None
      if (mainClass == SparkSubmit.KUBERNETES_CLUSTER_SUBMIT_CLASS) Some(clusterMode(childArguments.toArray, conf))
      else Some(conf)
    }.flatten

    /** As KubernetesClientApplication and its Client do. */
    private def clusterMode(childArguments: Array[String], conf: SparkConf): SparkConf = {
      val client = ClientArguments.fromCommandLineArgs(childArguments)
      val driverConf = KubernetesConf.createDriverConf(
        conf, KubernetesConf.getKubernetesAppId(), client.mainAppResource, client.mainClass, client.driverArgs,
        client.proxyUser)
      val made = new KubernetesDriverBuilder().buildFromFeatures(driverConf, server.client)
      val driver = whole(made.pod.pod, made.pod.container, driverConf.namespace)
      answer.put("driver", tree(driver))
      server.driver = Some(driver)
      val inDriver = new SparkConf(false).setAll(made.systemProperties).set("spark.submit.deployMode", "client")
      // The driver reads the template from a volume. Here it stays in its file.
      conf.get(KUBERNETES_EXECUTOR_PODTEMPLATE_FILE).foreach(inDriver.set(KUBERNETES_EXECUTOR_PODTEMPLATE_FILE.key, _))
      inDriver
    }

    /** What the driver's SparkContext does. */
    private def executors(conf: SparkConf): Unit = {
      val prepared = guarded("executor", "driver") {
        conf.validateSettings()
        ResourceProfile.clearDefaultProfile()
        val profile = ResourceProfile.getOrCreateDefaultProfile(conf)
        val security = new SecurityManager(conf)
        val allocator = podsAllocator(conf, security)
        answer.put("allocator", allocator)
        if (Utils.isDynamicAllocationEnabled(conf)) checkDynamicAllocation(conf)
        answer.put("executors", SchedulerBackendUtils.getInitialTargetExecutorNumber(conf))
        (profile, security, allocator)
      }
      for ((profile, security, allocator) <- prepared; _ <- guarded("executor", "executor") {
        // These two allocators make one template for all executors.
        val id = if (allocator.matches("StatefulSetPodsAllocator|DeploymentPodsAllocator")) "EXECID" else "1"
        val executorConf = KubernetesConf.createExecutorConf(
          conf, id, conf.get("spark.app.id", "spark-application"), server.driver, profile.id)
        val made = new KubernetesExecutorBuilder().buildFromFeatures(executorConf, security, server.client, profile)
        answer.put("executor", tree(whole(made.pod.pod, made.pod.container, executorConf.namespace)))
      }) ()
    }

    private def guarded[T](role: String, step: String)(body: => T): Option[T] =
      try Some(body) catch { case NonFatal(raised) =>
        val causes = Iterator.iterate(raised)(_.getCause).takeWhile(_ != null).take(8).toSeq
        val cause = causes.find(!_.isInstanceOf[InvocationTargetException]).get
        val messages = causes.dropWhile(_ ne cause).map(String.valueOf(_))
        val refusal = new Json
        refusal.put("role", role)
        refusal.put("step", step)
        refusal.put("class", cause.getClass.getName)
        refusal.put("messages", new JList(messages.asJava))
        answer.put("refusal", refusal)
        None
      }

    /** The name of the allocator that KubernetesClusterManager makes, which checks properties of its own. */
    private def podsAllocator(conf: SparkConf, security: SecurityManager): String = {
      val make = classOf[KubernetesClusterManager].getDeclaredMethods.find { method: Method =>
        method.getName == "makeExecutorPodsAllocator"
      }.get
      make.setAccessible(true)
      // A SparkContext connects when it is made, so this one is made without its constructor.
      val context = blank(classOf[SparkContext])
      val environment = blank(classOf[SparkEnv])
      set(environment, "securityManager", security)
      set(context, "_conf", conf)
      set(context, "_env", environment)
      val others = Seq.fill(make.getParameterCount - 3)(None) // since Spark 4.1 there is one more
      val given = Seq[AnyRef](context, server.client, null) ++ others
      make.invoke(new KubernetesClusterManager, given: _*).getClass.getSimpleName
    }

    /** The manager checks its settings when it is made. */
    private def checkDynamicAllocation(conf: SparkConf): Unit = {
      val bus = new LiveListenerBus(conf)
      new ExecutorAllocationManager(
        null, bus, conf, None, new SystemClock(), new ResourceProfileManager(conf, bus), false)
    }
  }

  /** The pod that is sent to the API server, to the path of a namespace. */
  private def whole(pod: Pod, container: Container, namespace: String): Pod =
    new PodBuilder(pod)
      .editOrNewMetadata().withNamespace(namespace).endMetadata()
      .editOrNewSpec().addToContainers(container).endSpec()
      .build()

  private def tree(pod: Pod): Any = mapper.readTree(Serialization.asJson(pod))

  private lazy val unsafe = {
    val field = classOf[sun.misc.Unsafe].getDeclaredField("theUnsafe")
    field.setAccessible(true)
    field.get(null).asInstanceOf[sun.misc.Unsafe]
  }

  private def blank[T](of: Class[T]): T = unsafe.allocateInstance(of).asInstanceOf[T]

  private def set(on: AnyRef, name: String, value: AnyRef): Unit = {
    val field: Field = on.getClass.getDeclaredField(name)
    unsafe.putObject(on, unsafe.objectFieldOffset(field), value)
  }

  /** An API server that knows one pod, the driver: the driver looks itself up. */
  private class ApiServer {
    @volatile var driver: Option[Pod] = None

    private val http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress, 0), 0)
    http.createContext("/", new HttpHandler {
      override def handle(call: HttpExchange): Unit = {
        val found = driver.filter(pod => call.getRequestURI.getPath.endsWith("/pods/" + pod.getMetadata.getName))
        val body = found.map(Serialization.asJson(_)).getOrElse(
          """{"apiVersion":"v1","kind":"Status","status":"Failure","reason":"NotFound","code":404}""").getBytes(UTF_8)
        call.getResponseHeaders.add("Content-Type", "application/json")
        call.sendResponseHeaders(if (found.isDefined) 200 else 404, body.length.toLong)
        call.getResponseBody.write(body)
        call.close()
      }
    })
    http.start()

    val client: KubernetesClient = new KubernetesClientBuilder().withConfig(
      new ConfigBuilder()
        .withMasterUrl("http://127.0.0.1:" + http.getAddress.getPort)
        .withRequestRetryBackoffLimit(0)
        .build()).build()
  }
}
